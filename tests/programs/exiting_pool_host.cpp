// SPDX-License-Identifier: Apache-2.0
// exiting_pool_host return|no_wait|static|closed|terminated <method>: ends while its pool still has
// a task to run, which prints "apple"; or, closed, submits one from an exit handler to a pool that
// was shut down; or, terminated, leaves tasks without an end to a static Pool.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <shoal/shoal.hpp>
#include <string_view>

#include "programs/method_argument.hpp"

namespace {

std::unique_ptr<shoal::ProcessPoolExecutor> static_pool;
std::unique_ptr<shoal::Pool> terminated_pool;

void print_apple() {
  ::usleep(50'000);  // long enough for main to have returned
  std::puts("apple");
}

void wait_for_ever() {
  for (;;) ::pause();
}

void leave_tasks_behind(const shoal::Context& context) {
  terminated_pool =
      std::make_unique<shoal::Pool>(shoal::PoolOptions{.max_workers = 2, .context = context});
  terminated_pool->apply([] {
    print_apple();
    std::fflush(stdout);  // what is not written goes with the worker
  });
  for (int n = 0; n < 5; ++n) terminated_pool->apply_async(wait_for_ever);
}

void submit_too_late() {
  try {
    static_pool->submit(print_apple);
  } catch (const shoal::PoolClosedError&) {
    std::puts("refused");
  }
}

}  // namespace

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  const std::string_view how = argv[1];
  const shoal::Context context = shoal::get_context(shoal::test::method_argument(argc, argv));
  if (how == "terminated") {
    leave_tasks_behind(context);
    return 0;
  }
  shoal::ProcessPoolExecutor pool = context.executor(1);
  if (how == "static" || how == "closed") {
    static_pool = std::make_unique<shoal::ProcessPoolExecutor>(std::move(pool));
    if (how == "static") static_pool->submit(print_apple);
    if (how == "closed") {
      static_pool->shutdown();
      std::atexit(submit_too_late);
    }
    return 0;
  }
  pool.submit(print_apple);
  if (how == "no_wait") pool.shutdown({.wait = false});
  return 0;
}
