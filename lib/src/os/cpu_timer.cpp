// SPDX-License-Identifier: Apache-2.0
#include "os/cpu_timer.hpp"

#include <signal.h>

#include <chrono>

namespace shoal::os {
namespace {

void set(timer_t timer, Duration span) noexcept {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(span);
  itimerspec setting{};
  setting.it_value.tv_sec = seconds.count();
  setting.it_value.tv_nsec = (span - seconds).count();
  ::timer_settime(timer, 0, &setting, nullptr);
}

}  // namespace

Result<CpuTimer> CpuTimer::create(Duration span) noexcept {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGXCPU;
  timer_t timer{};
  if (::timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &timer) != 0) {
    return failure(errno, "timer_create", "CLOCK_PROCESS_CPUTIME_ID");
  }
  return CpuTimer(timer, span);
}

CpuTimer::CpuTimer(CpuTimer&& other) noexcept
    : timer_(other.timer_), span_(other.span_), is_owner_(std::exchange(other.is_owner_, false)) {}

CpuTimer& CpuTimer::operator=(CpuTimer&& other) noexcept {
  std::swap(timer_, other.timer_);
  std::swap(span_, other.span_);
  std::swap(is_owner_, other.is_owner_);
  return *this;
}

CpuTimer::~CpuTimer() {
  if (is_owner_) ::timer_delete(timer_);
}

void CpuTimer::start() noexcept { set(timer_, span_); }

void CpuTimer::stop() noexcept { set(timer_, Duration::zero()); }

}  // namespace shoal::os
