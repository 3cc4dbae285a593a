// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "os/lasting_fd.hpp"
#include "pool/worker_memory.hpp"

namespace shoal::pool {

/// What one worker was sent to keep, as its parent sees it: which descriptor is in which slot. The
/// worker has no hold on it: what goes here goes there, too. Under the engine's lock.
class LentFiles {
 public:
  /// `end_bell` is rung once something lent has gone; without one nothing is lent.
  LentFiles(SharedSubmissions& submissions, std::shared_ptr<os::EndBell> end_bell) noexcept
      : submissions_(submissions), end_bell_(std::move(end_bell)) {}

  /// True if workers keep all of the descriptors of a task, or it has none.
  static bool are_lent(std::span<const std::shared_ptr<const UniqueFd>> descriptors) noexcept;

  /// Where the worker keeps `fd`; none if it does not.
  std::optional<unsigned> find(const std::shared_ptr<const UniqueFd>& fd) const noexcept;
  /// True if anything is lent at all.
  bool may_lend() const noexcept { return end_bell_ != nullptr; }
  /// A slot for one that it does not keep: a free one, or, if `may_evict`, that of another which
  /// the task does not name, by `names` as in an Entry; nor may a task in flight.
  std::optional<unsigned> find_room(bool may_evict,
                                    std::span<const std::uint8_t> names = {}) noexcept;
  /// The id of what is lent next.
  std::uint64_t next_id() const noexcept { return last_id_ + 1; }
  /// Takes note that `fd`, which lasts, was sent to be kept in `slot`, by next_id().
  void lend(unsigned slot, const std::shared_ptr<const UniqueFd>& fd) noexcept;
  /// Takes out what has gone here; true if there was anything.
  bool drop_gone() noexcept;

 private:
  bool is_free(unsigned slot) const noexcept;

  SharedSubmissions& submissions_;
  const std::shared_ptr<os::EndBell> end_bell_;
  std::array<std::weak_ptr<const UniqueFd>, kKeptSlots> files_;
  unsigned used_ = 0;     // slots from here on are free
  unsigned evicted_ = 0;  // the slot that was taken from another last
  std::uint64_t last_id_ = 0;
};

}  // namespace shoal::pool
