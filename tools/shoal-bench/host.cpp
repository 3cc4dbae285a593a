// SPDX-License-Identifier: Apache-2.0
#include "host.hpp"

#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace bench {

void fail(const std::string& call) {
  throw std::system_error(errno, std::generic_category(), call);
}

void die_with(pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);  // it died before the line above
}

void pin_to(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) fail("sched_setaffinity");
}

std::pair<int, int> two_cpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) fail("sched_getaffinity");
  int first = -1;
  int last = -1;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(static_cast<unsigned>(cpu), &set)) continue;
    if (first < 0) first = cpu;
    last = cpu;
  }
  return {first, last};
}

RawChild::RawChild(const std::function<void()>& body) {
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) fail("fork");
  if (pid_ > 0) return;
  die_with(parent);
  try {
    body();
  } catch (...) {
    _exit(1);
  }
  _exit(0);
}

RawChild::~RawChild() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void RawChild::join() {
  int status = 0;
  if (waitpid(std::exchange(pid_, -1), &status, 0) < 0) fail("waitpid");
  if (status != 0) throw std::runtime_error("a raw child ended with " + std::to_string(status));
}

Ballast::Ballast(std::size_t bytes) : bytes_(bytes) {
  at_ = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at_ == MAP_FAILED) fail("mmap");
  madvise(at_, bytes, MADV_NOHUGEPAGE);
  std::memset(at_, 1, bytes);
}

Ballast::~Ballast() { munmap(at_, bytes_); }

}  // namespace bench
