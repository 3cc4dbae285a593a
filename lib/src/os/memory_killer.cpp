// SPDX-License-Identifier: Apache-2.0
#include "os/memory_killer.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "os/fd.hpp"

namespace shoal::os {
namespace {

std::optional<std::uint64_t> read_kills(const std::string& path) {
  const Result<std::string> text = read_text(path.c_str());
  return text ? find_memory_kills(*text) : std::nullopt;
}

// The file of one line of /proc/self/cgroup, "4:memory:/path" or "0::/path"; empty for others.
std::string file_of(std::string_view line) {
  const std::size_t first = line.find(':');
  const std::size_t second = line.find(':', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return {};
  const std::string controllers =
      ',' + std::string(line.substr(first + 1, second - first - 1)) + ',';
  const std::string group(line.substr(second + 1));
  if (controllers == ",,") return "/sys/fs/cgroup" + group + "/memory.events";
  if (controllers.find(",memory,") == std::string::npos) return {};
  return "/sys/fs/cgroup/memory" + group + "/memory.oom_control";
}

}  // namespace

std::optional<std::uint64_t> find_memory_kills(std::string_view text) {
  constexpr std::string_view kName = "oom_kill ";
  while (!text.starts_with(kName)) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    text.remove_prefix(end + 1);
  }
  text.remove_prefix(kName.size());
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  return error == std::errc() ? std::optional(count) : std::nullopt;
}

std::optional<std::uint64_t> memory_kills() {
  const Result<std::string> groups = read_text("/proc/self/cgroup");
  std::string_view rest = groups ? std::string_view(*groups) : std::string_view();
  while (!rest.empty()) {
    const std::string file = file_of(rest.substr(0, rest.find('\n')));
    if (const auto kills = file.empty() ? std::nullopt : read_kills(file)) return kills;
    rest.remove_prefix(std::min(rest.size(), rest.find('\n') + 1));
  }
  return read_kills("/proc/vmstat");
}

}  // namespace shoal::os
