// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

namespace shoal::process {

/// The one thread that forks and executes: the kernel tells children of the death of the *thread*
/// that made them, so that this one lives as long as the process. Never destroyed.
class Spawner {
 public:
  Spawner() = default;
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  /// Runs `errand`, which must not throw, on that thread and returns when it is done. Callers take
  /// turns; on that very thread it runs at once. In a forked child `errand` must not return.
  void run(const std::function<void()>& errand);

  /// Has `errands`, which must not throw, run on that thread and returns at once.
  using Errands = std::list<std::function<void()>>;
  void post(Errands errands) noexcept;

  /// The thread's body.
  [[noreturn]] void serve();

 private:
  std::mutex turns_;
  std::mutex mutex_;
  std::condition_variable is_called_;
  std::condition_variable is_done_;
  std::thread::id thread_;                         // guarded by mutex_
  const std::function<void()>* errand_ = nullptr;  // guarded by mutex_; somebody waits for it
  Errands posted_;                                 // guarded by mutex_; nobody does
};

}  // namespace shoal::process
