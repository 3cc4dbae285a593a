// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "os/event.hpp"
#include "pool/black_box.hpp"
#include "pool/board.hpp"
#include "pool/notifier.hpp"

namespace shoal::pool {

/// Brings the log records of all workers to the sinks of this process, soon after they were made: a
/// worker rings the log bell, once in an epoch of the board; the notifier thread begins another
/// epoch, and only then reads, so that a record it overlooked rings again. It costs nothing while
/// nobody logs. Where records come faster than sinks take them, the oldest are lost, and counted.
/// Safe from many threads. Never destroyed.
class LogRelay {
 public:
  /// @throws ResourceError  no bell can be made
  LogRelay(Board<sync::Hardware>& board, Notifier& notifier);

  /// What the service thread hears, and what workers ring.
  int ear() const noexcept { return bell_.ear.get(); }
  const std::shared_ptr<const UniqueFd>& button() const noexcept { return button_; }

  /// From now on the records in `box` are relayed, those that are there already too.
  void add(const std::shared_ptr<BlackBox>& box);
  /// The bell was rung.
  void on_bell();
  /// The worker has ended: its last records follow.
  void add_last_of(std::shared_ptr<BlackBox> box,
                   const std::optional<os::ExitStatus>& status) noexcept;

 private:
  void relay_later();
  void relay();
  std::vector<std::shared_ptr<BlackBox>> present();

  Board<sync::Hardware>& board_;
  Notifier& notifier_;
  os::Bell bell_;
  std::shared_ptr<const UniqueFd> button_;
  std::atomic<bool> is_relay_due_{false};
  std::mutex mutex_;
  std::vector<std::weak_ptr<BlackBox>> boxes_;  // guarded by mutex_
};

}  // namespace shoal::pool
