// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

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

  /// Waits until all that was posted has been called; false at `deadline`.
  bool drain(base::Deadline deadline);

 private:
  bool start();
  void serve();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> notices_;  // the one being called stands in front
  bool is_started_ = false;
};

}  // namespace shoal::pool
