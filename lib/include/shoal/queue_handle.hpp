// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "shoal/duration.hpp"
#include "shoal/reader.hpp"
#include "shoal/unique_fd.hpp"
#include "shoal/writer.hpp"

namespace shoal::internal {

/// A message as it came out of a queue, or none. Neither copied nor moved in fact: it is returned
/// in its place.
class QueueMessage {
 public:
  QueueMessage() noexcept {}  // leaves the bytes as they are
  explicit operator bool() const noexcept { return has_message_; }
  Reader reader() const noexcept { return Reader(bytes(), descriptors_); }

 private:
  friend class QueueHandle;

  static constexpr std::size_t kInlineBytes = 1024;

  std::span<const std::byte> bytes() const noexcept {
    return {large_.empty() ? inline_.data() : large_.data(), size_};
  }
  std::span<std::byte> make_room(std::size_t size);

  bool has_message_ = false;
  std::size_t size_ = 0;
  std::vector<std::byte> large_;  // in the place of inline_
  std::vector<std::shared_ptr<const UniqueFd>> descriptors_;
  std::array<std::byte, kInlineBytes> inline_;
};

/// What the queues of values are a skin of: a queue of encoded messages.
class QueueHandle {
 public:
  /// What a queue is to be, or what a handle is asked to be one of.
  struct Make {
    std::uint64_t type = 0;
    std::size_t maxsize = 0;
    bool counts_done = false;
  };

  explicit QueueHandle(const Make& make);

  /// False: there was no room until `timeout` had passed.
  bool put(const Writer& message, Duration timeout) const;
  /// None: nothing came until `timeout` had passed.
  QueueMessage get(Duration timeout) const;

  std::size_t size() const;
  std::size_t maxsize() const;
  void close() const;
  bool is_closed() const;

  void task_done() const;
  bool join(Duration timeout) const;

  void encode(Writer& writer) const;
  static QueueHandle decode(Reader& reader, const Make& wanted);

  struct State;
  const std::shared_ptr<State>& state() const noexcept { return state_; }

 private:
  explicit QueueHandle(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;
};

}  // namespace shoal::internal
