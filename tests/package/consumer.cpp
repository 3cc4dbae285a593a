// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <shoal/shoal.hpp>

namespace {

int add_in_worker(shoal::StartMethod method) {
  shoal::ProcessPoolExecutor pool{{.max_workers = 2, .context = shoal::get_context(method)}};
  return pool.submit([](int a, int b) { return a + b; }, 40, 2).get();
}

}  // namespace

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  const int from_forkserver = add_in_worker(shoal::StartMethod::forkserver);
  const int from_spawn = add_in_worker(shoal::StartMethod::spawn);
  std::printf("shoal %s: forkserver %d, spawn %d\n", shoal::version_string.data(), from_forkserver,
              from_spawn);
  return from_forkserver == 42 && from_spawn == 42 ? 0 : 1;
}
