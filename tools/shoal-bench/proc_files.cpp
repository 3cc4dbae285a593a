// SPDX-License-Identifier: Apache-2.0
#include "proc_files.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

namespace bench {
namespace {

namespace fs = std::filesystem;

std::optional<pid_t> number_of(const fs::path& path) {
  const std::string name = path.filename();
  pid_t number = 0;
  const auto [rest, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || rest != name.data() + name.size()) return std::nullopt;
  return number;
}

// The sum of the numbers in lines that start with one of these names.
double sum_of_lines(const fs::path& path, const std::vector<std::string>& names) {
  std::ifstream file(path);
  double sum = 0;
  for (std::string line; std::getline(file, line);) {
    for (const std::string& name : names) {
      if (line.starts_with(name)) sum += std::stod(line.substr(name.size()));
    }
  }
  return sum;
}

Usage usage_of_threads(pid_t pid) {
  Usage sum;
  std::error_code gone;
  for (const auto& task : fs::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
    if (number_of(task.path()) == gettid()) continue;
    std::int64_t cpu_ns = 0;
    std::ifstream(task.path() / "schedstat") >> cpu_ns;
    sum.cpu_ns += cpu_ns;
    sum.switches += static_cast<std::int64_t>(sum_of_lines(
        task.path() / "status", {"voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"}));
  }
  return sum;
}

// The parent is the second word after the name, which stands in brackets and may hold anything.
pid_t parent_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text;
  std::getline(file, text);
  const std::size_t bracket = text.rfind(')');
  if (bracket == std::string::npos) return 0;  // it has just ended
  return static_cast<pid_t>(std::stol(text.substr(bracket + 4)));
}

}  // namespace

std::vector<pid_t> descendants() {
  std::multimap<pid_t, pid_t> children;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    if (const auto pid = number_of(entry.path())) children.emplace(parent_of(*pid), *pid);
  }
  std::vector<pid_t> found = {getpid()};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [first, last] = children.equal_range(found[i]);
    for (auto at = first; at != last; ++at) found.push_back(at->second);
  }
  found.erase(found.begin());
  return found;
}

Usage usage_of_family() {
  Usage sum = usage_of_threads(getpid());
  for (const pid_t pid : descendants()) {
    const Usage one = usage_of_threads(pid);
    sum.cpu_ns += one.cpu_ns;
    sum.switches += one.switches;
  }
  return sum;
}

double private_kb(pid_t pid) {
  const double kb = sum_of_lines("/proc/" + std::to_string(pid) + "/smaps_rollup",
                                 {"Private_Clean:", "Private_Dirty:"});
  if (kb == 0) throw std::runtime_error("smaps_rollup of a worker cannot be read");
  return kb;
}

double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double pages = 0;
  file >> pages >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

}  // namespace bench
