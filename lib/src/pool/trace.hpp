// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "os/fd.hpp"

namespace shoal::pool {

/// One run of a task, or of a part of a map, on a worker's row of the timeline. Times are
/// steady-clock nanoseconds.
struct TraceEvent {
  std::string name;
  std::string_view outcome;    ///< a literal: value, exception or lost
  std::int64_t submitted = 0;  ///< 0: nobody knows
  std::int64_t started = 0;
  std::int64_t ended = 0;
  std::uint64_t ticket = 0;
  std::size_t items = 0;  ///< of a map's part: elements that have run
  int pid = 0;
  unsigned attempt = 0;
};

/// `text` as it stands between the quotes of JSON; what is no UTF-8 is taken for Latin-1.
std::string json_escaped(std::string_view text);
/// An event as one line of Chrome's trace format.
std::string trace_line(const TraceEvent& event);
/// The line that gives a process its name in the timeline.
std::string trace_name_line(int pid, std::string_view name);

/// A timeline in Chrome's trace event format, written while it happens: whatever the moment at
/// which its process is killed, what is in the file can be opened (the closing bracket may be
/// missing). What is not written yet waits in memory, up to kMostPending events; those beyond are
/// left out, and the file says how many. Safe from many threads. add() never blocks for long: files
/// are written by write() alone.
class Trace {
 public:
  static constexpr std::size_t kMostPending = 1U << 16;

  /// Makes the file.
  /// @throws Error  it cannot be made
  static std::shared_ptr<Trace> open(const std::string& path);
  Trace(os::Fd file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}

  /// Puts something on the list of what is to be written; true if write() is to be called soon.
  bool add(TraceEvent event);
  bool add_line(std::string line);

  /// Writes what is on the list. The first failure is logged, and ends the timeline.
  void write();
  /// Writes what is on the list and closes the file; what is added later is ignored.
  void finish();

 private:
  bool wants_write() noexcept;
  void append(std::string_view text);

  std::mutex list_mutex_;  // taken after file_mutex_
  std::vector<TraceEvent> events_;
  std::string lines_;
  std::uint64_t left_out_ = 0;
  bool is_call_due_ = false;  // somebody was told to call write()
  bool is_finished_ = false;

  std::mutex file_mutex_;
  os::Fd file_;  // closed once finished, or after a failure
  const std::string path_;
};

}  // namespace shoal::pool
