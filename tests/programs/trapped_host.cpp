// SPDX-License-Identifier: Apache-2.0
// trapped_host exit|crash writing|reading <method>: has a pool, and a value that ends the host
// while it is written as an argument, or read as a result.

#include <cstdio>
#include <shoal/shoal.hpp>
#include <string_view>

#include "programs/method_argument.hpp"
#include "programs/trap.hpp"

using shoal::test::Harm;
using shoal::test::Moment;
using shoal::test::Trap;

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  const shoal::Context context = shoal::get_context(shoal::test::method_argument(argc, argv));
  shoal::ProcessPoolExecutor pool = context.executor(2);
  pool.submit([] {}).get();
  const Harm harm = std::string_view(argv[1]) == "exit" ? Harm::exit : Harm::crash;
  if (std::string_view(argv[2]) == "writing") {
    pool.submit(shoal::test::look_at, Trap{harm, Moment::writing});
  } else {
    pool.submit(shoal::test::set_trap, harm, Moment::reading).get();
  }
  std::puts("unharmed");
}
