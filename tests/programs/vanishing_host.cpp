// SPDX-License-Identifier: Apache-2.0
// vanishing_host <method>: removes its own file, as an update or a deployment does, and then starts
// a child that calls exit(4).

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <shoal/bootstrap.hpp>
#include <shoal/process.hpp>

#include "programs/method_argument.hpp"

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  if (::unlink(argv[0]) != 0) return 1;
  shoal::Process child =
      shoal::get_context(shoal::test::method_argument(argc, argv)).process([] { std::exit(4); });
  child.start();
  child.join();
  std::printf("exitcode %d\n", child.exitcode().value_or(-1));
}
