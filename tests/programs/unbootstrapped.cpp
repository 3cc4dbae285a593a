// SPDX-License-Identifier: Apache-2.0
// unbootstrapped <method>: starts a child without having called bootstrap(), as a careless program
// would. Prints "main" once for each time main runs.

#include <cstdio>
#include <exception>
#include <shoal/error.hpp>
#include <shoal/process.hpp>

#include "programs/method_argument.hpp"

int main(int argc, char** argv) {
  std::puts("main");
  shoal::Process child =
      shoal::get_context(shoal::test::method_argument(argc, argv)).process([] {});
  try {
    child.start();
    child.join();
    std::printf("exitcode %d\n", child.exitcode().value_or(-1));
  } catch (const shoal::StartError& error) {
    std::printf("StartError %s\n", error.what());
  }
  return 0;
}
