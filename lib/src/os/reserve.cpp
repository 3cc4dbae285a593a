// SPDX-License-Identifier: Apache-2.0
#include "os/reserve.hpp"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "os/fd.hpp"
#include "os/limits.hpp"

namespace shoal::os {
namespace {

constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max();

// What is given at once: a signal interrupts it, and it begins again.
constexpr std::size_t kPiece = std::size_t{16} << 20;

// The number behind `name`; a bound that is "max" is none.
std::optional<std::size_t> find_number(std::string_view text, std::string_view name) {
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + name.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

std::optional<std::size_t> read_number(const std::string& path) {
  const Result<std::string> text = read_text(path.c_str());
  return text ? find_number(*text, "") : std::nullopt;
}

// Where a kind of control group tells of its memory.
struct GroupFiles {
  std::string root;
  const char* most;
  const char* used;
};

// What is left in one group. The files that it has read count as used, and are let go at need.
std::size_t left_in(const std::string& folder, const GroupFiles& files) {
  const auto most = read_number(folder + files.most);
  const auto used = read_number(folder + files.used);
  if (!most || !used) return kUnbounded;
  const Result<std::string> text = read_text((folder + "/memory.stat").c_str());
  std::size_t cached = 0;
  for (const char* name : {"\ninactive_file ", "\nactive_file "}) {
    if (text) cached += find_number(*text, name).value_or(0);
  }
  const std::size_t needed = *used - std::min(*used, cached);
  return *most - std::min(*most, needed);
}

// The least that a group and those around it leave.
std::size_t left_around(std::string group, const GroupFiles& files) {
  std::size_t least = kUnbounded;
  for (;;) {
    least = std::min(least, left_in(files.root + group, files));
    if (group.size() <= 1) return least;
    group.resize(group.rfind('/'));
  }
}

std::size_t left_in_groups() {
  const Result<std::string> groups = read_text("/proc/self/cgroup");
  std::size_t least = kUnbounded;
  for (std::string_view rest = groups ? std::string_view(*groups) : std::string_view();
       !rest.empty(); rest.remove_prefix(std::min(rest.size(), rest.find('\n')) + 1)) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    const std::size_t path = line.find(":/");
    if (path == std::string_view::npos) continue;
    const std::string group(line.substr(path + 1));
    if (line.starts_with("0::")) {
      least =
          std::min(least, left_around(group, {"/sys/fs/cgroup", "/memory.max", "/memory.current"}));
    } else if (line.find(":memory:") != std::string_view::npos) {
      least = std::min(least, left_around(group, {"/sys/fs/cgroup/memory", "/memory.limit_in_bytes",
                                                  "/memory.usage_in_bytes"}));
    }
    if (rest.find('\n') == std::string_view::npos) break;
  }
  return least;
}

}  // namespace

std::size_t available_memory() {
  const Result<std::string> machine = read_text("/proc/meminfo");
  const auto kilobytes = machine ? find_number(*machine, "MemAvailable:") : std::nullopt;
  const auto swap = machine ? find_number(*machine, "SwapFree:") : std::nullopt;
  const std::size_t here = kilobytes ? (*kilobytes + swap.value_or(0)) * 1024 : kUnbounded;
  return std::min(here, left_in_groups());
}

// The kernel would look for the memory of other programs, and end them for it, rather than refuse:
// what is not there is not asked for.
Result<void> reserve(int fd, std::size_t bytes) {
  const std::size_t available = bytes > kPiece ? available_memory() : kUnbounded;
  if (bytes > available) {
    return failure(ENOMEM, "fallocate", "%zu bytes of memory, of which %zu are left", bytes,
                   available);
  }
  const FileSizeExemption exemption;
  for (std::size_t at = 0; at < bytes; at += kPiece) {
    const std::size_t size = std::min(kPiece, bytes - at);
    const int failed = retry_interrupted(
        [&] { return ::fallocate(fd, 0, static_cast<off_t>(at), static_cast<off_t>(size)); });
    if (failed != 0) return failure(errno, "fallocate", "%zu bytes of shared memory", bytes);
  }
  return {};
}

}  // namespace shoal::os
