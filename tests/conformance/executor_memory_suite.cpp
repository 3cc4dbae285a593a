// SPDX-License-Identifier: Apache-2.0
// A worker that the kernel's memory killer takes, in a control group of the test's own.

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "conformance/executor_suite.hpp"

namespace shoal::test {
namespace {

constexpr std::size_t kGroupBytes = 192 << 20;
constexpr std::size_t kChunk = 1 << 20;

bool write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  file.close();
  return !file.fail();
}

// This process's own group of the memory controller; empty if it has none that can be seen.
std::string own_group() {
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t path = line.find(':', line.find(':') + 1) + 1;
    if (line.starts_with("0::") && ::access("/sys/fs/cgroup/cgroup.procs", F_OK) == 0) {
      return "/sys/fs/cgroup" + line.substr(path);
    }
    if (line.find(":memory:") != std::string::npos) {
      return "/sys/fs/cgroup/memory" + line.substr(path);
    }
  }
  return {};
}

// A group with little memory, which this process enters; it leaves it with its children.
class SmallGroup {
 public:
  SmallGroup() : home_(own_group()) {
    const std::string root =
        home_.starts_with("/sys/fs/cgroup/memory") ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup";
    path_ = root + "/shoal-test-" + std::to_string(::getpid());
    if (home_.empty() || ::access((home_ + "/cgroup.procs").c_str(), W_OK) != 0) return;
    is_made_ = ::mkdir(path_.c_str(), 0700) == 0;
    const std::string bytes = std::to_string(kGroupBytes);
    const bool is_limited = write_file(path_ + "/memory.limit_in_bytes", bytes) ||
                            write_file(path_ + "/memory.max", bytes);
    write_file(path_ + "/memory.memsw.limit_in_bytes", bytes);
    write_file(path_ + "/memory.swap.max", "0");
    is_entered_ = is_limited && write_file(path_ + "/cgroup.procs", std::to_string(::getpid()));
  }
  ~SmallGroup() {
    std::ifstream members(path_ + "/cgroup.procs");
    for (std::string pid; std::getline(members, pid);) write_file(home_ + "/cgroup.procs", pid);
    if (!is_made_) return;
    // Whoever has just ended may be a member for an instant longer; ctest's watchdog bounds it.
    while (::rmdir(path_.c_str()) != 0 && errno == EBUSY) ::usleep(1000);
    EXPECT_NE(::access(path_.c_str(), F_OK), 0);
  }
  SmallGroup(const SmallGroup&) = delete;

  bool is_entered() const { return is_entered_; }

 private:
  std::string home_;
  std::string path_;
  bool is_made_ = false;
  bool is_entered_ = false;
};

class ExecutorMemorySuite : public ExecutorSuite {};

TEST_P(ExecutorMemorySuite, WhomTheKernelsMemoryKillerTakesIsSuspectedOfIt) {
  const SmallGroup group;
  if (!group.is_entered()) GTEST_SKIP() << "no control group with a memory limit can be made here";
  ProcessPoolExecutor pool = make_pool(1);
  if (GetParam() == StartMethod::forkserver) {
    // A fork server from an earlier test lives outside of the group, and so do its children.
    const bool is_inside = pool.submit([] {
                                 std::ifstream file("/proc/self/cgroup");
                                 std::ostringstream text;
                                 text << file.rdbuf();
                                 return text.str().find("shoal-test-") != std::string::npos;
                               })
                               .get();
    if (!is_inside) GTEST_SKIP() << "run by itself, as ctest does, the fork server is in the group";
  }
  Future<std::size_t> greedy = pool.submit([] {
    std::vector<std::unique_ptr<char[]>> chunks;
    for (std::size_t n = 0; n < 4 * kGroupBytes / kChunk; ++n) {
      chunks.push_back(std::make_unique<char[]>(kChunk));
      std::memset(chunks.back().get(), 1, kChunk);
    }
    return chunks.size();
  });
  try {
    greedy.get();
    ADD_FAILURE() << "the limit did not hold";
  } catch (const WorkerLostError& lost) {
    EXPECT_EQ(lost.signal(), SIGKILL);
    EXPECT_TRUE(lost.out_of_memory());
    EXPECT_NE(std::string(lost.what()).find("for want of memory"), std::string::npos);
    ASSERT_TRUE(lost.usage());
    EXPECT_GT(lost.usage()->max_rss_bytes, kGroupBytes / 2);
  }
  // The next one that is killed, by somebody else, is not suspected for the sake of the first.
  try {
    pool.submit([] { ::kill(::getpid(), SIGKILL); }).get();
    ADD_FAILURE() << "the worker has survived";
  } catch (const WorkerLostError& lost) {
    EXPECT_FALSE(lost.out_of_memory());
  }
}

}  // namespace

SHOAL_FOR_EACH_START_METHOD(ExecutorMemorySuite);

}  // namespace shoal::test
