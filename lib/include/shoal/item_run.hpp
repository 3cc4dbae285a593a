// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "shoal/writer.hpp"

namespace shoal::os {
class CpuTimer;
}

namespace shoal::internal {

/// The elements of a map that a worker runs one after the other as one task. What it has got is
/// announced in shared memory after each of them: if the worker dies, the results that are there
/// are delivered, one element is lost, and the others run elsewhere.
class ItemRun {
 public:
  /// The word that says how far the run has come: items done, and the bytes of their results.
  struct Progress {
    std::uint32_t items;
    std::uint32_t bytes;

    static constexpr Progress unpack(std::uint64_t word) noexcept {
      return {static_cast<std::uint32_t>(word), static_cast<std::uint32_t>(word >> 32)};
    }
    constexpr std::uint64_t pack() const noexcept {
      return static_cast<std::uint64_t>(bytes) << 32 | items;
    }
  };

  /// The words in shared memory that a run reads and writes.
  struct Words {
    std::atomic<std::uint64_t>& progress;
    std::atomic<std::int64_t>& started;
    const std::atomic<std::uint64_t>& end_run;  ///< the ticket of a run that is to end early
    os::CpuTimer* cpu_timer = nullptr;          ///< of each item, if its CPU time is limited
  };

  /// Of `count` items, the task `ticket`; it ends early once the results take `room_bytes`, or the
  /// parent says so because the items run longer than was expected.
  ItemRun(std::uint32_t count, std::uint64_t ticket, std::size_t room_bytes,
          const Words& words) noexcept
      : count_(count), ticket_(ticket), room_bytes_(room_bytes), words_(words) {}

  /// Announces the item that has just been run, if one has; true if another is to be run. What the
  /// parent could not find is not announced, and nothing runs behind it: results beyond the room
  /// for them, and descriptors.
  bool next(const Writer& results) noexcept {
    if (is_running_) {
      done_.items += 1;
      done_.bytes = static_cast<std::uint32_t>(results.bytes().size());
      can_announce_ = results.block() != nullptr && results.descriptors().empty();
      // release: pairs with the acquire in Incarnation::rescue; the results come before.
      if (can_announce_) words_.progress.store(done_.pack(), std::memory_order_release);
    }
    is_running_ = done_.items < count_ && (done_.items == 0 || may_go_on());
    if (is_running_ && --until_clock_ == 0) look_at_clock();
    return is_running_;
  }

  /// What is done.
  Progress done() const noexcept { return done_; }
  bool is_complete() const noexcept { return done_.items == count_; }

 private:
  bool may_go_on() const noexcept {
    return can_announce_ && done_.bytes < room_bytes_ &&
           words_.end_run.load(std::memory_order_relaxed) != ticket_;
  }
  // Says when the item began that runs now: to the item where items are long, else to some 10 us.
  void look_at_clock() noexcept;

  const std::uint32_t count_;
  const std::uint64_t ticket_;
  const std::size_t room_bytes_;
  const Words words_;
  Progress done_{0, 0};
  bool is_running_ = false;
  bool can_announce_ = false;
  std::uint32_t clock_interval_ = 1;  // items from one look at the clock to the next
  std::uint32_t until_clock_ = 1;
  std::int64_t looked_at_ = 0;
};

}  // namespace shoal::internal
