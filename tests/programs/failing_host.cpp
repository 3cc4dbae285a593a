// SPDX-License-Identifier: Apache-2.0
// failing_host <descriptors> <method>: uses a pool between two marks, where its tracer may have
// system calls fail; then twice more, where all is well again. Prints the descriptors that it has
// in the end, which may take a moment to be as few as said, and what was thrown. Exits with 0 if
// nothing was, with 3 for an exception of a type that users can expect.

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <shoal/shoal.hpp>
#include <string>
#include <vector>

#include "programs/marks.hpp"
#include "programs/method_argument.hpp"

namespace {

int twice(int n) { return 2 * n; }
std::string echo(const std::string& text) { return text; }

void require(bool is_so, const char* what) {
  if (is_so) return;
  std::fprintf(stderr, "failing_host: not so: %s\n", what);
  std::_Exit(4);
}

// A value that comes is right; what cannot come throws.
void use_a_pool(const shoal::Context& context) {
  shoal::ProcessPoolExecutor pool{{.max_workers = 2, .context = context}};
  const shoal::Future<int> small = pool.submit(twice, 21);
  const shoal::Future<std::string> large = pool.submit(echo, std::string(300'000, 'x'));
  require(small.get() == 42, "a value is right");
  require(large.get() == std::string(300'000, 'x'), "a large value is right");
  std::vector<int> numbers(20, 4);
  int sum = 0;
  for (const int value : pool.map(twice, numbers)) sum += value;
  require(sum == 160, "a map's values are right");
}

std::size_t count_descriptors() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

// What a pool had is closed on other threads, too.
std::size_t settle(std::size_t wanted) {
  constexpr int kLooks = 200;
  for (int looks = 0; looks < kLooks && count_descriptors() > wanted; ++looks) ::usleep(10'000);
  return count_descriptors();
}

}  // namespace

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  const shoal::Context context = shoal::get_context(shoal::test::method_argument(argc, argv));
  std::string thrown;
  ::syscall(SYS_getpriority, shoal::test::kMark, shoal::test::kBegin);
  try {
    use_a_pool(context);
  } catch (const std::exception& error) {  // shoal's errors, and std::bad_alloc, are such
    thrown = error.what();
    if (thrown.empty()) return 5;
  }
  ::syscall(SYS_getpriority, shoal::test::kMark, shoal::test::kEnd);
  try {
    for (int round = 0; round < 2; ++round) use_a_pool(context);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "failing_host: it does not get over it: %s\n", error.what());
    return 6;
  }
  const std::size_t descriptors = settle(std::strtoul(argv[1], nullptr, 10));
  std::printf("%zu %s\n", descriptors, thrown.c_str());
  return thrown.empty() ? 0 : 3;
}
