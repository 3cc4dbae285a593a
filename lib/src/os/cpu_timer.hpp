// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <time.h>

#include <utility>

#include "os/error.hpp"
#include "shoal/duration.hpp"

namespace shoal::os {

/// Ends this process by SIGXCPU when it has used a span of CPU time, all threads counted. The
/// kernel looks at each tick of its clock (1 to 10 ms). A forked copy has no timer.
class CpuTimer {
 public:
  /// Makes one that does not run yet.
  static Result<CpuTimer> create(Duration span) noexcept;

  CpuTimer(CpuTimer&& other) noexcept;
  CpuTimer& operator=(CpuTimer&& other) noexcept;
  ~CpuTimer();

  /// Begins the span; again, if it has begun.
  void start() noexcept;
  void stop() noexcept;

 private:
  CpuTimer(timer_t timer, Duration span) noexcept : timer_(timer), span_(span) {}

  timer_t timer_;
  Duration span_;
  bool is_owner_ = true;
};

}  // namespace shoal::os
