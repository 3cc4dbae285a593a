// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/deadline.hpp"
#include "os/fd.hpp"

namespace shoal::os {

/// A bell: whoever has `button` can ring it, and only who has `ear` hears it or silences it. The
/// ends are two open files, so that what one process does to a button that it shares with others
/// (reading, O_NONBLOCK) does not reach the ear.
struct Bell {
  Fd ear;
  Fd button;
};
Result<Bell> create_bell() noexcept;

/// A bell whose ear and button are one: for the threads of one process.
Result<Fd> create_event() noexcept;

/// Makes the bell's ear readable; false if `button` is none any more. Does not block, unless
/// somebody who shares the button made it so and nobody listens.
bool ring(int button) noexcept;

/// Makes a bell's ear unreadable again; true if it had been rung. Never blocks.
bool silence(int ear) noexcept;

/// Waits until one of `fds` is readable or hung up, and tells which; none at `deadline`.
/// A descriptor that is not open is an error. Signals do not end the wait.
Result<std::vector<std::size_t>> wait_readable(std::span<const int> fds, base::Deadline deadline);

/// Waits for one descriptor; false at `deadline`.
Result<bool> wait_readable(int fd, base::Deadline deadline) noexcept;

/// One descriptor of a wait for either direction.
struct Watched {
  int fd = -1;  ///< -1: left out
  bool for_writing = false;
  bool is_ready = false;  ///< set by wait_ready(); also at a hang-up
};

/// Waits until one of `watched` is ready and marks those that are; none at `deadline`.
/// Signals do not end the wait.
Result<void> wait_ready(std::span<Watched> watched, base::Deadline deadline);

/// A set of descriptors, each with a number of its owner's choice, waited for together.
class Poller {
 public:
  static Result<Poller> create() noexcept;

  Result<void> add(int fd, std::uint64_t key) noexcept;
  /// From now on `fd` is reported only once its peer is gone.
  void watch_for_end(int fd, std::uint64_t key) noexcept;
  void remove(int fd) noexcept;
  /// The keys of the descriptors that are readable or hung up; none at `deadline`.
  Result<std::vector<std::uint64_t>> wait(base::Deadline deadline);
  /// A descriptor that is readable while wait() would not wait.
  int fd() const noexcept { return fd_.get(); }

 private:
  explicit Poller(Fd fd) noexcept : fd_(std::move(fd)) {}
  Fd fd_;
};

}  // namespace shoal::os
