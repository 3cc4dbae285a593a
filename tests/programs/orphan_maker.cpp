// SPDX-License-Identifier: Apache-2.0
// orphan_maker <method>: starts a child that leaves a process behind, in a session of its own, as
// daemons do. Prints that process's id and waits to be killed.

#include <unistd.h>

#include <cstdio>
#include <shoal/bootstrap.hpp>
#include <shoal/process.hpp>

#include "programs/method_argument.hpp"

namespace {

void leave_an_orphan() {
  const int orphan = ::fork();
  if (orphan == 0) {
    ::setsid();
    ::close(STDOUT_FILENO);
    for (;;) ::pause();
  }
  std::printf("%d\n", orphan);
}

}  // namespace

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::Process child =
      shoal::get_context(shoal::test::method_argument(argc, argv)).process(leave_an_orphan);
  child.start();
  child.join();
  for (;;) ::pause();
}
