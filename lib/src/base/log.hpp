// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string_view>

#include "shoal/logging.hpp"

namespace shoal::base {

/// Writes one record to the library's logger. Never throws: a sink that fails loses the record.
void log(LogLevel level, std::string_view text) noexcept;

/// The same of two texts, one behind the other: needs no memory of the caller's.
void log(LogLevel level, std::string_view begin, std::string_view end) noexcept;

/// Writes a record that was made at `time`, elsewhere.
void log(LogLevel level, std::chrono::system_clock::time_point time,
         std::string_view text) noexcept;

/// Takes the records of a process that does not write them itself.
class LogTaker {
 public:
  /// Calls come one at a time, from any thread.
  virtual void take(LogLevel level, std::chrono::system_clock::time_point time,
                    std::string_view text) noexcept = 0;

 protected:
  ~LogTaker() = default;
};

/// From now on the logger hands its records to `taker`, which is never destroyed, instead of
/// writing them. A fork's copy of this process writes its own again.
/// Only while no other thread logs.
void hand_log_to(LogTaker& taker);

/// True if a record of `level` would be written: ask before building an expensive text.
bool is_logged(LogLevel level) noexcept;

/// The level records are written from; a child is started with its parent's.
LogLevel log_level() noexcept;
void set_log_level(LogLevel level) noexcept;

/// Forgets the logger inherited over a fork (its lock may be held by a thread that is not here);
/// the next use makes a fresh one at the same level.
void reset_log_after_fork() noexcept;

/// Writes out what the logger holds back.
void flush_log() noexcept;

}  // namespace shoal::base
