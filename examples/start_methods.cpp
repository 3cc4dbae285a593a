// SPDX-License-Identifier: Apache-2.0
// The three ways to start a process. `fork` copies the caller as it is now; `spawn` and
// `forkserver` begin afresh, and know only what they are given.
//
//   fork:       counter is 7 there
//   spawn:      counter is 0 there
//   forkserver: counter is 0 there
//   the default is forkserver, and counter is still 7 here

#include <cstdio>
#include <shoal/shoal.hpp>
#include <string>

static int counter = 0;

void report(const std::string& method) {
  std::printf("%-11s counter is %d there\n", (method + ":").c_str(), counter);
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  counter = 7;

  const std::pair<shoal::StartMethod, const char*> methods[] = {
      {shoal::StartMethod::fork, "fork"},
      {shoal::StartMethod::spawn, "spawn"},
      {shoal::StartMethod::forkserver, "forkserver"}};
  for (const auto& [method, name] : methods) {
    shoal::Process child = shoal::get_context(method).process(report, name);
    child.start();
    child.join();
  }
  const bool is_default = shoal::get_start_method() == shoal::StartMethod::forkserver;
  std::printf("the default is %s, and counter is still %d here\n",
              is_default ? "forkserver" : "another", counter);
}
