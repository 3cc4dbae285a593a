// SPDX-License-Identifier: Apache-2.0
#include "os/memory_killer.hpp"

#include <sstream>

#include "os/fd.hpp"

namespace shoal::os {
namespace {

std::optional<std::uint64_t> read_kills(const std::string& path) {
  const Result<std::string> text = read_text(path.c_str());
  return text ? find_memory_kills(*text) : std::nullopt;
}

// The file of one line of /proc/self/cgroup, "4:memory:/path" or "0::/path"; empty for others.
std::string file_of(const std::string& line) {
  const std::size_t first = line.find(':');
  const std::size_t second = line.find(':', first + 1);
  if (first == std::string::npos || second == std::string::npos) return {};
  const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
  const std::string group = line.substr(second + 1);
  if (controllers == ",,") return "/sys/fs/cgroup" + group + "/memory.events";
  if (controllers.find(",memory,") == std::string::npos) return {};
  return "/sys/fs/cgroup/memory" + group + "/memory.oom_control";
}

}  // namespace

std::optional<std::uint64_t> find_memory_kills(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t count = 0;
    if (words >> name >> count && name == "oom_kill") return count;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> memory_kills() {
  const Result<std::string> groups = read_text("/proc/self/cgroup");
  std::istringstream lines(groups ? *groups : "");
  for (std::string line; std::getline(lines, line);) {
    const std::string file = file_of(line);
    if (file.empty()) continue;
    if (const std::optional<std::uint64_t> kills = read_kills(file)) return kills;
  }
  return read_kills("/proc/vmstat");
}

}  // namespace shoal::os
