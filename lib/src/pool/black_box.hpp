// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "memory/mapping.hpp"
#include "metrics/log_reader.hpp"
#include "os/fd.hpp"
#include "os/sentinel.hpp"
#include "sync/hardware.hpp"

namespace shoal::pool {

using SharedBlackBox = metrics::BlackBox<sync::Hardware>;

/// What a crash report says, checked: every frame lies in a module of the list or in none.
struct Crash {
  struct Frame {
    std::uint64_t offset = 0;
    std::optional<std::size_t> module = {};  ///< index below; none: `offset` is an address
  };

  int signal = 0;
  std::uint64_t address = 0;
  std::vector<Frame> frames = {};
  std::vector<std::string> modules = {};  ///< paths; "" is the program itself
};

/// The parent's side of a worker's black box: hands the worker's log records to the sinks of this
/// process, and keeps what a death certificate needs. It outlives the worker.
/// Safe from many threads.
class BlackBox {
 public:
  /// Records that a certificate quotes.
  static constexpr std::size_t kLastLines = 20;

  /// Makes the box of worker `name`, and leaves its file in `file`.
  static os::Result<std::shared_ptr<BlackBox>> create(std::string name, os::Fd& file);

  /// Says who the worker is; before the first relay().
  void set_pid(int pid) { prefix_ = name_ + " pid " + std::to_string(pid) + ": "; }
  /// Counts from now on what the kernel's memory killer does. Takes 20 us: not while somebody waits
  /// for the worker.
  void watch_memory_killer() noexcept;

  /// Writes the records there are to the sinks. On the notifier thread, which keeps their order.
  void relay();
  bool has_news();

  /// Takes the last records of a worker that has ended, at the first call; true while there are
  /// some, and relay() is to follow.
  bool finish(const std::optional<os::ExitStatus>& status) noexcept;
  /// "[warning] text", the newest last; after finish().
  std::vector<std::string> last_lines();
  /// Where the worker crashed, if it did.
  std::optional<Crash> crash() const;
  /// What std::terminate or assert had to say.
  std::string last_words() const;
  /// True if SIGKILL has ended the worker, and the kernel's memory killer had struck somebody since
  /// its start; after finish().
  bool has_memory_killer_struck() const noexcept { return has_memory_killer_struck_; }

 private:
  struct Record {
    LogLevel level;
    std::chrono::system_clock::time_point time;
    std::string text;
  };

  BlackBox(std::string name, memory::Mapping mapping);
  const SharedBlackBox& shared() const noexcept;
  void take();
  void take_one(const metrics::LogRecord& record);

  const std::string name_;
  const memory::Mapping mapping_;
  std::string prefix_;
  bool has_memory_killer_struck_ = false;
  std::mutex mutex_;
  bool is_finished_ = false;                          // guarded by mutex_
  std::optional<std::uint64_t> memory_kills_before_;  // guarded by mutex_
  metrics::LogReader<sync::Hardware> reader_;         // guarded by mutex_
  std::vector<Record> unwritten_;                     // guarded by mutex_
  std::deque<std::string> last_lines_;                // guarded by mutex_
  bool was_damaged_ = false;                          // guarded by mutex_: and somebody was told
};

}  // namespace shoal::pool
