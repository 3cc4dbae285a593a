// SPDX-License-Identifier: Apache-2.0
// killed_parent <method>: starts children that idle, compute, stand still, and one with a child of
// its own; prints "ready" and waits to be killed. None of them may outlive it.

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <shoal/bootstrap.hpp>
#include <shoal/process.hpp>
#include <shoal/unique_fd.hpp>
#include <vector>

#include "programs/method_argument.hpp"

namespace {

void announce(const shoal::UniqueFd& mouth) {
  if (::write(mouth.get(), "r", 1) != 1) ::_exit(99);
}

void idle(const shoal::UniqueFd& mouth) {
  announce(mouth);
  for (;;) ::pause();
}

void compute(const shoal::UniqueFd& mouth) {
  announce(mouth);
  for (volatile unsigned counter = 0;;) counter = counter + 1;
}

void stand_still(const shoal::UniqueFd& mouth) {
  announce(mouth);
  ::raise(SIGSTOP);
}

void nest(const shoal::UniqueFd& mouth) {
  shoal::Process child(idle, mouth.duplicate());
  child.start();
  child.join();
}

}  // namespace

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::set_start_method(shoal::test::method_argument(argc, argv));
  int ends[2];
  if (::pipe(ends) != 0) return 1;
  const shoal::UniqueFd mouth(ends[1]);
  std::vector<shoal::Process> children;
  for (void (*body)(const shoal::UniqueFd&) : {idle, compute, stand_still, nest}) {
    children.emplace_back(body, mouth.duplicate()).start();
  }
  char said = 0;
  for (int heard = 0; heard < 4; ++heard) {
    if (::read(ends[0], &said, 1) != 1) return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  for (;;) ::pause();
}
