// SPDX-License-Identifier: Apache-2.0
#include "runner.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <shoal/unique_fd.hpp>
#include <stdexcept>

#include "host.hpp"

namespace bench {
namespace {

constexpr int kHangsAfterMs = 300'000;  // a watchdog: only what hangs takes so long
constexpr const char* kPython = "/usr/bin/python3";

std::vector<std::string> command_of(const Measurement& measurement, const Scale& scale) {
  const std::filesystem::path self = own_path();
#ifdef SHOAL_BENCH_MPIRUN
  if (measurement.name.ends_with(".openmpi")) {
    return {SHOAL_BENCH_MPIRUN,
            "--allow-run-as-root",
            "--bind-to",
            "none",
            "--oversubscribe",
            "-n",
            "2",
            self.parent_path() / "shoal-bench-openmpi",
            measurement.name,
            scale.is_quick ? "quick" : "full"};
  }
#endif
  if (measurement.measure == nullptr) {
    return {kPython, self.parent_path() / "cpython.py", measurement.name,
            scale.is_quick ? "quick" : "full"};
  }
  std::vector<std::string> command = {self, "--measure", measurement.name};
  if (scale.is_quick) command.emplace_back("--quick");
  return command;
}

[[noreturn]] void execute(const std::vector<std::string>& command, int output, pid_t parent) {
  die_with(parent);
  setpgid(0, 0);  // so that whatever it leaves behind can be ended with it
  dup2(output, STDOUT_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  std::perror(arguments[0]);
  _exit(127);
}

// The child's end, in wait(2)'s words. It is reaped last: until then its group's number is its own.
int wait_for_end(pid_t child) {
  const shoal::UniqueFd sentinel(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
  if (sentinel.get() < 0) fail("pidfd_open");
  pollfd poller = {.fd = sentinel.get(), .events = POLLIN, .revents = 0};
  const bool has_ended = poll(&poller, 1, kHangsAfterMs) == 1;
  kill(-child, SIGKILL);
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  if (!has_ended) throw std::runtime_error("it hung and was killed");
  return status;
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer;
  fcntl(fd, F_SETFL, O_NONBLOCK);  // a dying grandchild may still hold the other end
  for (;;) {
    const ssize_t count = read(fd, buffer.data(), buffer.size());
    if (count <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

std::string output_of(const std::vector<std::string>& command) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe2");
  const shoal::UniqueFd reader(ends[0]);
  shoal::UniqueFd writer(ends[1]);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) execute(command, writer.get(), parent);
  setpgid(child, child);  // both sides, since neither knows who is first
  writer.reset();
  const int status = wait_for_end(child);
  if (WIFSIGNALED(status)) {
    throw std::runtime_error("it was ended by signal " + std::to_string(WTERMSIG(status)));
  }
  if (status != 0) {
    throw std::runtime_error("it ended with exit code " + std::to_string(WEXITSTATUS(status)));
  }
  return read_all(reader.get());
}

std::string own_path() { return std::filesystem::read_symlink("/proc/self/exe"); }

Figures run_apart(const Measurement& measurement, const Scale& scale) try {
  const std::string output = output_of(command_of(measurement, scale));
  auto figures = nlohmann::json::parse(output).get<Figures>();
  if (figures.size() != measurement.rows.size()) {
    throw std::runtime_error("it printed " + output);
  }
  return figures;
} catch (const std::exception& error) {
  throw std::runtime_error(measurement.name + ": " + error.what());
}

void measure_here(const std::string& name, const Scale& scale) {
  for (const Benchmark& benchmark : catalogue()) {
    for (const Measurement& measurement : benchmark.measurements) {
      if (measurement.name != name || measurement.measure == nullptr) continue;
      std::printf("%s\n", nlohmann::json(measurement.measure(scale)).dump().c_str());
      return;
    }
  }
  throw std::runtime_error("no measurement is called " + name);
}

}  // namespace bench
