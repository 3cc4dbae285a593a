// SPDX-License-Identifier: Apache-2.0
#include "os/host.hpp"

#include <dirent.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <memory>
#include <sstream>

#include "os/fd.hpp"

namespace shoal::os {
namespace {

unsigned affinity_count() {
  // The mask of a machine with more CPUs than cpu_set_t holds needs a larger set.
  for (int cpus = CPU_SETSIZE; cpus <= (1 << 20); cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(cpus));
    if (set == nullptr) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(cpus));
    const bool fits = ::sched_getaffinity(0, bytes, set) == 0;
    const int count = fits ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (fits) return static_cast<unsigned>(std::max(1, count));
  }
  return 1;
}

constexpr double kNoQuota = std::numeric_limits<double>::infinity();

// cgroup v2: "max 100000" or "150000 100000".
double quota_v2(const std::filesystem::path& folder) {
  const Result<std::string> text = read_text((folder / "cpu.max").c_str());
  if (!text || text->starts_with("max")) return kNoQuota;
  std::istringstream words(*text);
  double quota = 0;
  double period = 0;
  return words >> quota >> period && period > 0 ? quota / period : kNoQuota;
}

// cgroup v1: two files, -1 for none.
double quota_v1(const std::filesystem::path& folder) {
  const Result<std::string> quota = read_text((folder / "cpu.cfs_quota_us").c_str());
  const Result<std::string> period = read_text((folder / "cpu.cfs_period_us").c_str());
  if (!quota || !period) return kNoQuota;
  const double allowed = std::strtod(quota->c_str(), nullptr);
  const double every = std::strtod(period->c_str(), nullptr);
  return allowed > 0 && every > 0 ? allowed / every : kNoQuota;
}

// The smallest quota from `group` up to the root of the hierarchy mounted at `root`.
double tightest(const std::string& root, std::filesystem::path group,
                double (*quota_of)(const std::filesystem::path&)) {
  double result = kNoQuota;
  for (;;) {
    result = std::min(result, quota_of(root + group.string()));
    if (group == group.parent_path() || group.empty()) return result;
    group = group.parent_path();
  }
}

double cgroup_quota() {
  const Result<std::string> groups = read_text("/proc/self/cgroup");
  if (!groups) return kNoQuota;
  double result = kNoQuota;
  std::istringstream lines(*groups);
  for (std::string line; std::getline(lines, line);) {  // "4:cpu,cpuacct:/path" or "0::/path"
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
    const std::string group = line.substr(second + 1);
    if (controllers == ",,") {
      result = std::min(result, tightest("/sys/fs/cgroup", group, quota_v2));
    } else if (controllers.find(",cpu,") != std::string::npos) {
      result = std::min(result, tightest("/sys/fs/cgroup/cpu", group, quota_v1));
    }
  }
  return result;
}

}  // namespace

unsigned usable_cpus() {
  const unsigned count = affinity_count();
  const double quota = cgroup_quota();
  if (quota >= count) return count;
  return std::max(1U, static_cast<unsigned>(std::ceil(quota)));
}

namespace {

// /proc/…/stat reads "id (name) state ppid pgrp session tty tpgid flags …"; a thread gets
// PF_EXITING before a pthread_join that waits for it returns.
bool is_exiting(const std::string& stat) {
  constexpr unsigned long kExiting = 0x4;
  std::istringstream words(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 6; ++i) words >> skipped;
  unsigned long flags = 0;
  return words >> flags && (flags & kExiting) != 0;
}

}  // namespace

// Without std::filesystem: where memory runs out, the iterator's constructor ends the process.
std::vector<Thread> list_threads() {
  std::vector<Thread> result;
  const std::string folder = "/proc/self/task/";
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(folder.c_str()), ::closedir);
  if (directory == nullptr) return result;
  while (const dirent* const entry = ::readdir(directory.get())) {
    const std::string id = entry->d_name;
    if (id.front() == '.') continue;
    const Result<std::string> name = read_text((folder + id + "/comm").c_str());
    const Result<std::string> stat = read_text((folder + id + "/stat").c_str());
    if (!name || !stat || is_exiting(*stat)) continue;  // it ended meanwhile
    result.push_back({std::atoi(id.c_str()), name->substr(0, name->find('\n'))});
  }
  return result;
}

}  // namespace shoal::os
