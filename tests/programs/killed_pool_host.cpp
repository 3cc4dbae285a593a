// SPDX-License-Identifier: Apache-2.0
// killed_pool_host <method>: has a pool whose workers idle, compute and stand still; prints "ready"
// and waits to be killed. None of them may outlive it.

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <shoal/shoal.hpp>

#include "programs/method_argument.hpp"

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::set_start_method(shoal::test::method_argument(argc, argv));
  shoal::ProcessPoolExecutor pool{{.max_workers = 4}};
  auto [ears, mouth] = shoal::pipe(shoal::Duplex::no);
  pool.submit(
      [](const shoal::Connection& said) {
        said.send(1);
        for (volatile unsigned counter = 0;;) counter = counter + 1;
      },
      mouth);
  pool.submit(
      [](const shoal::Connection& said) {
        said.send(2);
        ::raise(SIGSTOP);
      },
      mouth);
  for (int heard = 0; heard < 2; ++heard) ears.recv<int>();
  while (pool.stats().idle < 2) ::usleep(1000);
  std::puts("ready");
  std::fflush(stdout);
  for (;;) ::pause();
}
