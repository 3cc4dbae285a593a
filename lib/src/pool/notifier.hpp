// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "base/deadline.hpp"

namespace shoal::pool {

/// The thread on which users' code is called back: it may block, throw or come back to us, and
/// harms nobody but those called after it. Started at first use. Safe from many threads.
class Notifier {
 public:
  Notifier() = default;
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  /// Calls `notice` soon, after those posted before; where no thread can be had, at once.
  void post(std::function<void()> notice);

  /// Calls `notice` at `deadline`, or later; never, where no thread can be had.
  void post_at(base::Deadline deadline, std::function<void()> notice);

  /// Calls `notice`; what it throws is logged.
  static void call(const std::function<void()>& notice) noexcept;

  /// True on the notifier thread.
  bool is_this_thread() const noexcept { return thread_ == std::this_thread::get_id(); }

  /// Waits until all that was posted has been called; false at `deadline`.
  bool drain(base::Deadline deadline);

  /// On the notifier thread, from within a notice: calls those behind it until `is_over`. Whatever
  /// makes that true must be followed by a post().
  void go_on_until(const std::function<bool()>& is_over);

  /// True on the notifier thread.
  bool is_here() const noexcept { return thread_.load() == std::this_thread::get_id(); }

 private:
  bool start();
  void serve();
  void serve_one(std::unique_lock<std::mutex>& lock);
  void await_notice(std::unique_lock<std::mutex>& lock);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> notices_;
  unsigned calling_ = 0;  // notices that are being called, one from within another
  std::multimap<base::Deadline, std::function<void()>> later_;
  bool is_started_ = false;
  std::atomic<std::thread::id> thread_{};
};

}  // namespace shoal::pool
