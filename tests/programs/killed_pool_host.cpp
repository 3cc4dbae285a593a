// SPDX-License-Identifier: Apache-2.0
// killed_pool_host [idle|busy|stopped|other_user|other_user_idle] <method>: has a pool of four
// workers that all idle, compute, stand still, compute as another user, or idle as one; or, if
// nothing is said, some of each of the first three. Prints "ready" and waits to be killed. None of
// them may outlive it.

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <shoal/shoal.hpp>
#include <string_view>

#include "programs/method_argument.hpp"

namespace {

void compute(const shoal::Connection& said) {
  said.send(1);
  for (volatile unsigned counter = 0;;) counter = counter + 1;
}

void stand_still(const shoal::Connection& said) {
  said.send(2);
  ::raise(SIGSTOP);
}

bool become_another_user() {
  constexpr uid_t kNobodyElse = 61'234;
  return ::setresuid(kNobodyElse, kNobodyElse, kNobodyElse) == 0;
}

void compute_as_another_user(const shoal::Connection& said) {
  if (become_another_user()) compute(said);
}

void go_on_as_another_user(const shoal::Connection& said, const shoal::Connection& told) {
  if (become_another_user()) said.send(3);
  told.recv<int>();  // so that each worker has one
}

}  // namespace

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::set_start_method(shoal::test::method_argument(argc, argv));
  const std::string_view state = argc > 2 ? argv[1] : "each";
  shoal::ProcessPoolExecutor pool{{.max_workers = 4}};
  auto [ears, mouth] = shoal::pipe(shoal::Duplex::no);
  auto [told, tell] = shoal::pipe(shoal::Duplex::no);
  unsigned idle = 0;
  for (int worker = 0; worker < 4; ++worker) {
    if (state == "busy" || (state == "each" && worker == 0)) {
      pool.submit(compute, mouth);
    } else if (state == "stopped" || (state == "each" && worker == 1)) {
      pool.submit(stand_still, mouth);
    } else if (state == "other_user") {
      pool.submit(compute_as_another_user, mouth);
    } else if (state == "other_user_idle") {
      pool.submit(go_on_as_another_user, mouth, told);
    } else {
      ++idle;
    }
  }
  for (unsigned heard = idle; heard < 4; ++heard) ears.recv<int>();
  if (state == "other_user_idle") {
    for (; idle < 4; ++idle) tell.send(1);
  }
  while (pool.stats().idle < idle) ::usleep(1000);
  std::puts("ready");
  std::fflush(stdout);
  for (;;) ::pause();
}
