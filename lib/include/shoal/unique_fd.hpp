// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

namespace shoal {

/// Owns one file descriptor and closes it. Move-only.
///
/// May be an argument, a result or a member of one: the other process gets a descriptor of its own
/// for the same open file. Not safe to change from two threads at once.
class UniqueFd {
 public:
  UniqueFd() noexcept = default;
  /// Takes `fd` over; a negative one means none.
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  ~UniqueFd() {
    if (fd_ >= 0) reset();
  }

  /// Gives the descriptor, still owned here; -1 if there is none.
  int get() const noexcept { return fd_; }
  /// Gives the descriptor away without closing it.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  /// Closes what is owned and takes `fd` over. Leaves errno as it was.
  void reset(int fd = -1) noexcept;
  /// Makes a second descriptor, close-on-exec, for the same open file.
  /// @throws ResourceError  no descriptor is left   @throws Error  there is nothing to duplicate
  UniqueFd duplicate() const;

  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace shoal
