// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <shoal/unique_fd.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "os/sentinel.hpp"

namespace shoal::test {

/// One of tests/programs, running; its standard output comes here. Killed when this goes.
class RunningProgram {
 public:
  RunningProgram(const std::string& name, const std::vector<std::string>& arguments) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    output_.reset(ends[0]);
    const UniqueFd writer(ends[1]);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, writer.get(), STDOUT_FILENO);
    const std::string path = std::string(SHOAL_TEST_PROGRAMS) + '/' + name;
    std::vector<char*> argv{const_cast<char*>(path.c_str())};
    for (const std::string& argument : arguments)
      argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    const int error = ::posix_spawn(&pid_, path.c_str(), &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error("posix_spawn " + path);
  }
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;
  ~RunningProgram() {
    if (pid_ == 0) return;
    kill();
    wait();
  }

  int pid() const { return pid_; }
  void kill() const { ::kill(pid_, SIGKILL); }

  /// Waits for its end; the status is as of wait(2).
  int wait() {
    int status = -1;
    ::waitpid(std::exchange(pid_, 0), &status, 0);
    return status;
  }

  /// The next line of its output; what there is of it if the program ends.
  std::string line() {
    std::string text;
    char character = '\0';
    while (::read(output_.get(), &character, 1) == 1 && character != '\n') text += character;
    return text;
  }

  /// All its output, up to the end of everybody who could write more.
  std::string all() {
    std::string text;
    char character = '\0';
    while (::read(output_.get(), &character, 1) == 1) text += character;
    return text;
  }

 private:
  int pid_ = 0;
  UniqueFd output_;
};

/// The children of `pid`, theirs, and so on.
inline std::vector<int> descendants_of(int pid) {
  std::vector<int> found;
  std::error_code gone;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, gone)) {
    std::ifstream children(task.path() / "children");
    for (int child = 0; children >> child;) {
      found.push_back(child);
      for (const int below : descendants_of(child)) found.push_back(below);
    }
  }
  return found;
}

/// The name of a process as ps shows it; empty if it is gone.
inline std::string comm_of(int pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

/// Sentinels of those of `pids` that are there.
inline std::vector<UniqueFd> watch(const std::vector<int>& pids) {
  std::vector<UniqueFd> sentinels;
  for (const int pid : pids) {
    auto sentinel = os::open_sentinel(pid);
    if (sentinel) sentinels.push_back(std::move(*sentinel));
  }
  return sentinels;
}

/// Waits for the end of each; the watchdog of the test is what a survivor meets.
inline void await_ends(const std::vector<UniqueFd>& sentinels) {
  for (const UniqueFd& sentinel : sentinels) {
    pollfd polled{sentinel.get(), POLLIN, 0};
    while (::poll(&polled, 1, -1) < 0) {
    }
  }
}

}  // namespace shoal::test
