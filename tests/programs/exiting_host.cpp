// SPDX-License-Identifier: Apache-2.0
// exiting_host <method>: has a static object and an exit handler that speak, runs a child that
// calls exit(5), and calls exit with a daemonic child that never ends and another that still
// works.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <shoal/bootstrap.hpp>
#include <shoal/process.hpp>

#include "programs/method_argument.hpp"

namespace {

struct Speaking {
  ~Speaking() {
    std::puts("static destructor");
    std::fflush(stdout);
  }
} speaking;

void work_a_little() {
  ::usleep(50'000);
  std::puts("worked");
}

void never_end() {
  for (;;) ::pause();
}

}  // namespace

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  std::atexit([] { std::puts("exit handler"); });
  const shoal::Context context = shoal::get_context(shoal::test::method_argument(argc, argv));
  shoal::Process exiting = context.process([] { std::exit(5); });
  exiting.start();
  exiting.join();
  std::printf("exitcode %d\n", exiting.exitcode().value_or(-1));
  std::fflush(stdout);
  shoal::Process daemonic({.daemon = true, .context = context}, never_end);
  shoal::Process working({.context = context}, work_a_little);
  daemonic.start();
  working.start();
  std::exit(0);  // destroys neither: what happens to them is exit's business
}
