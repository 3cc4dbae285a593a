// SPDX-License-Identifier: Apache-2.0
#include "support/leak_guard.hpp"

#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <thread>

namespace shoal::test {
namespace {

namespace fs = std::filesystem;

using LeakFinder = std::vector<std::string> (*)(const Holdings&, const Holdings&);

std::optional<int> parse_number(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::map<int, std::string> read_descriptors() {
  std::map<int, std::string> found;
  const std::string own_listing = "/proc/" + std::to_string(getpid()) + "/fd";
  std::error_code gone;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc/self/fd")) {
    const std::string target = fs::read_symlink(entry.path(), gone).string();
    const std::optional<int> number = parse_number(entry.path().filename().string());
    if (!gone && number && target != own_listing) found.emplace(*number, target);
  }
  return found;
}

/// One process's "name (state)" if its parent is `parent`: /proc/<pid>/stat reads `pid (name) state
/// ppid …`.
std::optional<std::string> describe_child(const fs::path& process, int parent) {
  std::ifstream file(process / "stat");
  std::ostringstream text;
  text << file.rdbuf();
  const std::string stat = text.str();
  const std::size_t open = stat.find('(');
  const std::size_t close = stat.rfind(')');
  if (open == std::string::npos || close == std::string::npos) return std::nullopt;  // just ended
  char state = '?';
  int ppid = 0;
  std::istringstream(stat.substr(close + 1)) >> state >> ppid;
  if (ppid != parent) return std::nullopt;
  return stat.substr(open + 1, close - open - 1) + " (" + state + ")";
}

std::map<int, std::string> read_children() {
  std::map<int, std::string> found;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc")) {
    const std::optional<int> pid = parse_number(entry.path().filename().string());
    if (!pid) continue;
    if (auto child = describe_child(entry.path(), getpid())) found.emplace(*pid, *child);
  }
  return found;
}

/// Other test programs run at the same time, so a name counts only if our pid is a part of it.
std::set<std::string> read_shared_names() {
  std::set<std::string> found;
  const std::string own_pid = "-" + std::to_string(getpid());
  std::error_code absent;
  for (const fs::directory_entry& entry : fs::directory_iterator("/dev/shm", absent)) {
    const std::string name = entry.path().filename().string();
    if ((name + "-").find(own_pid + "-") != std::string::npos) found.insert(name);
  }
  return found;
}

bool is_zombie(std::string_view child) { return child.ends_with("(Z)"); }

void append_new_names(const Holdings& before, const Holdings& after,
                      std::vector<std::string>& leaks) {
  for (const std::string& name : after.shared_names) {
    if (!before.shared_names.contains(name)) leaks.push_back("shared name /dev/shm/" + name);
  }
}

/// Looks again and again until nothing is left behind or `patience` has passed; returns the last
/// finding.
std::vector<std::string> settle(LeakFinder find, const Holdings& before,
                                std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::vector<std::string> leaks = find(before, current_holdings());
  while (!leaks.empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    leaks = find(before, current_holdings());
  }
  return leaks;
}

void fail_for_each(const std::vector<std::string>& leaks) {
  for (const std::string& leak : leaks) ADD_FAILURE() << "left behind: " << leak;
}

}  // namespace

Holdings current_holdings() { return {read_descriptors(), read_children(), read_shared_names()}; }

std::vector<std::string> find_leaks(const Holdings& before, const Holdings& after) {
  std::vector<std::string> leaks;
  for (const auto& [number, target] : after.descriptors) {
    const auto known = before.descriptors.find(number);
    if (known != before.descriptors.end() && known->second == target) continue;
    leaks.push_back("descriptor " + std::to_string(number) + " -> " + target);
  }
  for (const auto& [pid, child] : after.children) {
    if (before.children.contains(pid) && !is_zombie(child)) continue;
    leaks.push_back("child " + std::to_string(pid) + " " + child);
  }
  append_new_names(before, after, leaks);
  return leaks;
}

std::vector<std::string> find_forbidden_leaks(const Holdings& before, const Holdings& after) {
  std::vector<std::string> leaks;
  for (const auto& [pid, child] : after.children) {
    if (is_zombie(child)) leaks.push_back("child " + std::to_string(pid) + " " + child);
  }
  append_new_names(before, after, leaks);
  return leaks;
}

LeakGuard::LeakGuard(std::chrono::milliseconds patience)
    : patience_(patience), before_(current_holdings()) {}

LeakGuard::~LeakGuard() { fail_for_each(settle(find_leaks, before_, patience_)); }

void LeakListener::OnTestStart(const testing::TestInfo&) { before_ = current_holdings(); }

void LeakListener::OnTestEnd(const testing::TestInfo&) {
  fail_for_each(settle(find_forbidden_leaks, before_, std::chrono::seconds(5)));
}

}  // namespace shoal::test
