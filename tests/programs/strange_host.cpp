// SPDX-License-Identifier: Apache-2.0
// strange_host ignore|reap <method>: a host that makes the kernel forget its children, or reaps
// them all itself, as some frameworks do. Prints the exit codes shoal sees.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <shoal/bootstrap.hpp>
#include <shoal/process.hpp>
#include <string_view>

#include "programs/method_argument.hpp"

namespace {

void reap_everything(int) {
  const int saved = errno;
  while (::waitpid(-1, nullptr, WNOHANG) > 0) {
  }
  errno = saved;
}

int run(shoal::Process process) {
  process.start();
  process.join();
  return process.exitcode().value_or(-1000);
}

}  // namespace

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  ::signal(SIGCHLD, std::string_view(argv[1]) == "ignore" ? SIG_IGN : reap_everything);
  const shoal::Context context = shoal::get_context(shoal::test::method_argument(argc, argv));
  for (int round = 0; round < 20; ++round) {
    std::printf("%d\n", run(context.process([] { std::exit(3); })));
    std::printf("%d\n", run(context.process([] { ::raise(SIGKILL); })));
  }
  return 0;
}
