// SPDX-License-Identifier: Apache-2.0
#include "os/seccomp.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "os/after_fork.hpp"
#include "os/refused_calls.hpp"

namespace shoal::os {
namespace {

#ifdef __x86_64__
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#endif

constexpr std::uint32_t kRefuse = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kUnknown = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t kClone3 = 435;
constexpr std::uint32_t kNamespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |
                                      CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
constexpr std::uint32_t kIoPriorityOfProcess = 1;  // IOPRIO_WHO_PROCESS
// Requests by which a terminal is made to type.
constexpr std::uint32_t kTypeCharacter = 0x5412;  // TIOCSTI
constexpr std::uint32_t kLinuxConsole = 0x541C;   // TIOCLINUX
constexpr std::uint32_t kSetOwner = 0x8901;        // FIOSETOWN
constexpr std::uint32_t kSetSocketOwner = 0x8902;  // SIOCSPGRP

// A program for the kernel's filter machine, whose one register holds the call's number between
// any two of these steps.
class Program {
 public:
  Program() {
    load(offsetof(seccomp_data, arch));
    add(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0);
    give(kRefuse);  // a call by the numbers of another architecture
    load(offsetof(seccomp_data, nr));
  }

  void refuse(std::uint32_t call, std::uint32_t verdict) {
    add(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1);
    give(verdict);
  }
  void refuse_above(std::uint32_t call, std::uint32_t verdict) {
    add(BPF_JMP | BPF_JGT | BPF_K, call, 0, 1);
    give(verdict);
  }
  // Refuses `call` unless the low half of its argument is one of `values`.
  void refuse_unless(long call, unsigned argument, std::initializer_list<std::uint32_t> values) {
    auto left = static_cast<std::uint8_t>(values.size());
    look_at(static_cast<std::uint32_t>(call), argument, left);
    for (const std::uint32_t value : values) add(BPF_JMP | BPF_JEQ | BPF_K, value, left--, 0);
    end_look();
  }
  // Refuses `call` if the low half of its argument is `value`.
  void refuse_if(std::uint32_t call, unsigned argument, std::uint32_t value) {
    look_at(call, argument, 1);
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    end_look();
  }
  // Refuses `call` if the low half of its argument has any of `bits`.
  void refuse_bits(std::uint32_t call, unsigned argument, std::uint32_t bits) {
    look_at(call, argument, 1);
    add(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
    end_look();
  }
  std::span<sock_filter> finish() {
    give(SECCOMP_RET_ALLOW);
    return std::span(steps_).first(size_);
  }

 private:
  void add(unsigned code, std::uint32_t value, std::uint8_t if_true, std::uint8_t if_false) {
    steps_[size_++] = {static_cast<std::uint16_t>(code), if_true, if_false, value};
  }
  void load(std::size_t offset) {
    add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset), 0, 0);
  }
  void give(std::uint32_t verdict) { add(BPF_RET | BPF_K, verdict, 0, 0); }
  // So many questions about the argument follow, then end_look().
  void look_at(std::uint32_t call, unsigned argument, std::uint8_t questions) {
    constexpr std::uint8_t kBesideQuestions = 3;
    add(BPF_JMP | BPF_JEQ | BPF_K, call, 0, static_cast<std::uint8_t>(kBesideQuestions + questions));
    load(offsetof(seccomp_data, args) + argument * sizeof(std::uint64_t));  // little-endian
  }
  void end_look() {
    give(kRefuse);
    load(offsetof(seccomp_data, nr));
  }

  std::array<sock_filter, 512> steps_{};
  std::size_t size_ = 0;
};

long seccomp(unsigned operation, unsigned flags, void* argument) noexcept {
  return ::syscall(SYS_seccomp, operation, flags, argument);
}

}  // namespace

Result<void> give_up_privileges() noexcept {
  if (!after_fork::give_up_privileges()) return failure(errno, "prctl", "PR_SET_NO_NEW_PRIVS");
  return {};
}

bool has_seccomp() noexcept {
  std::uint32_t action = kRefuse & SECCOMP_RET_ACTION_FULL;
  return seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

Result<void> refuse_calls() noexcept {
  Program program;
  program.refuse_above(kNewestKnownCall, kUnknown);
  for (const long call : kRefusedCalls) program.refuse(static_cast<std::uint32_t>(call), kRefuse);
  program.refuse(kClone3, kUnknown);
  program.refuse_bits(SYS_clone, 0, kNamespaces | CLONE_PARENT);
  program.refuse_if(SYS_ioctl, 1, kTypeCharacter);
  program.refuse_if(SYS_ioctl, 1, kLinuxConsole);
  // By its owner and its signal a file that is ready kills whom its user may kill.
  for (const int request : {F_SETOWN, F_SETOWN_EX, F_SETSIG}) {
    program.refuse_if(SYS_fcntl, 1, static_cast<std::uint32_t>(request));
  }
  for (const std::uint32_t request : {kSetOwner, kSetSocketOwner}) {
    program.refuse_if(SYS_ioctl, 1, request);
  }
  program.refuse_unless(SYS_prlimit64, 0, {0});
  const auto self = static_cast<std::uint32_t>(::getpid());
  for (const long call : {SYS_kill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo}) {
    program.refuse_unless(call, 0, {self});
  }
  // When and where others run is theirs; of this process' threads only the one that calls has a say.
  for (const long call : {SYS_sched_setaffinity, SYS_sched_setscheduler, SYS_sched_setparam,
                          SYS_sched_setattr}) {
    program.refuse_unless(call, 0, {0, self});
  }
  program.refuse_unless(SYS_setpriority, 0, {PRIO_PROCESS});
  program.refuse_unless(SYS_setpriority, 1, {0, self});
  program.refuse_unless(SYS_ioprio_set, 0, {kIoPriorityOfProcess});
  program.refuse_unless(SYS_ioprio_set, 1, {0, self});
  const std::span<sock_filter> steps = program.finish();
  sock_fprog filter{static_cast<std::uint16_t>(steps.size()), steps.data()};
  const long thread = seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
  if (thread > 0) return failure(EBUSY, "seccomp", "thread %ld has a filter of its own", thread);
  if (thread < 0) return failure(errno, "seccomp", "SECCOMP_SET_MODE_FILTER");
  return {};
}

}  // namespace shoal::os
