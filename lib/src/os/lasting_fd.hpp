// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "os/fd.hpp"

namespace shoal::os {

/// Tells who waits in a poll that a LastingFd has gone.
class EndBell {
 public:
  explicit EndBell(std::shared_ptr<const UniqueFd> button) : button_(std::move(button)) {}

  void ring() noexcept;
  /// True if it was rung since this was asked last.
  bool take() noexcept {
    // acquire: pairs with the release in ring(): the descriptor went before.
    return has_rung_.load(std::memory_order_relaxed) &&
           has_rung_.exchange(false, std::memory_order_acquire);
  }

 private:
  const std::shared_ptr<const UniqueFd> button_;
  std::atomic<bool> has_rung_{false};
};

/// A descriptor that is sent to the same processes again and again: a worker is sent it once, and
/// keeps it (KeptFd) until it has gone here. It goes with the last pointer to it, as any other.
class LastingFd : public UniqueFd {
 public:
  static std::shared_ptr<const UniqueFd> make(UniqueFd fd);
  /// As what make() has made it; none for another descriptor.
  static const LastingFd* find(const std::shared_ptr<const UniqueFd>& fd) noexcept;

  /// Has `bell` rung once it has gone. By one thread at a time, which has a pointer to it.
  void ring_at_end(const std::shared_ptr<EndBell>& bell) const noexcept { bell_ = bell; }

 private:
  struct End {
    void operator()(const UniqueFd* fd) const noexcept;
  };
  explicit LastingFd(UniqueFd fd) noexcept;

  mutable std::shared_ptr<EndBell> bell_;
  const std::uint32_t generation_;
};

/// A descriptor as a worker keeps it for the next task, together with what the task before has
/// made of it (a map of it), which goes with it unless somebody else holds that, too. Not
/// thread-safe.
class KeptFd : public UniqueFd {
 public:
  static std::shared_ptr<const UniqueFd> make(UniqueFd fd);
  /// As what make() has made it; none for another descriptor.
  static const KeptFd* find(const std::shared_ptr<const UniqueFd>& fd) noexcept;

  void keep(std::shared_ptr<void> companion) const noexcept { companion_ = std::move(companion); }
  const std::shared_ptr<void>& companion() const noexcept { return companion_; }

 private:
  struct End {
    void operator()(const UniqueFd* fd) const noexcept;
  };
  explicit KeptFd(UniqueFd fd) noexcept : UniqueFd(std::move(fd)) {}

  mutable std::shared_ptr<void> companion_;
};

}  // namespace shoal::os
