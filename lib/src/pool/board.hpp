// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace shoal::pool {

/// Who collects results in the parent at this moment, and so whom a worker rings.
enum class Collector : std::uint32_t {
  service = 0,        ///< the service thread, asleep: ring S
  polling = 1,        ///< a thread that looks by itself: ring nobody
  leader_asleep = 2,  ///< a waiting thread, asleep: ring L
  leader_on_words = 3,  ///< a waiting thread, asleep on the workers' own words: wake cq_tail
};

/// The notice board of a process: a page that the parent writes and all workers map read-only. A
/// worker rings at most once in an epoch, on words once for what has not been collected; the parent
/// begins a new epoch before it looks at the mailboxes, so that a result it overlooked rings again.
template <class Platform>
struct Board {
  alignas(64) typename Platform::template Atomic<std::uint64_t> word;
  /// The same for log records: a worker rings at most once while this word stays as it is.
  alignas(64) typename Platform::template Atomic<std::uint64_t> log_epoch;

  struct Notice {
    Collector collector;
    std::uint64_t epoch;
  };

  /// The parent: says who collects from now on. Results published before are seen by the look that
  /// must follow; later ones see this notice.
  void post(Collector collector) noexcept {
    const std::uint64_t epoch = word.load(std::memory_order_relaxed) >> 2;
    word.store((epoch + 1) << 2 | static_cast<std::uint64_t>(collector), std::memory_order_release);
    Platform::fence();  // pairs with the fence in read(): tell, then look at the mailboxes
  }

  /// A worker, after it published: whom to ring.
  Notice read() const noexcept {
    Platform::fence();  // pairs with the fence in post(): publish, then look at the board
    const std::uint64_t value = word.load(std::memory_order_acquire);
    return {static_cast<Collector>(value & 3), value >> 2};
  }
};

inline constexpr std::size_t kBoardBytes = 4 << 10;

}  // namespace shoal::pool
