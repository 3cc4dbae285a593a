// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <string_view>

#include "metrics/black_box_layout.hpp"
#include "shoal/logging.hpp"

namespace shoal::metrics {

/// The worker's side of its log ring. One thread at a time, kept apart by the caller's own lock; a
/// signal handler must not call. Killed at any instruction, the ring holds whole records only.
template <class Platform>
class LogWriter {
 public:
  explicit LogWriter(BlackBox<Platform>& box) noexcept : box_(&box) {}

  /// Appends a record, in place of the oldest ones where there is no room.
  void write(LogLevel level, std::int64_t nanoseconds, std::string_view text) noexcept {
    LogRecordHeader header{};
    header.level = static_cast<std::uint8_t>(level);
    header.is_cut = text.size() > kLongestLogText ? 1 : 0;
    text = text.substr(0, kLongestLogText);
    header.size = static_cast<std::uint32_t>(sizeof header + text.size());
    header.number = ++number_;
    header.nanoseconds = nanoseconds;
    make_room(padded(header.size));
    copy_in(end_, &header, sizeof header);
    copy_in(end_ + sizeof header, text.data(), text.size());
    end_ += padded(header.size);
    // release: pairs with the acquire in LogReader::read; the only commit point.
    box_->end.store(end_, std::memory_order_release);
  }

 private:
  static constexpr std::uint64_t padded(std::uint64_t size) noexcept { return (size + 7) / 8 * 8; }

  void make_room(std::uint64_t size) noexcept {
    const std::uint64_t before = begin_;
    while (end_ + size - begin_ > kLogBytes) {
      std::uint32_t oldest = 0;  // never wraps: records begin at multiples of 8
      Platform::read(&oldest, &box_->log[begin_ % kLogBytes], sizeof oldest);
      begin_ += padded(oldest);
    }
    if (begin_ == before) return;
    box_->begin.store(begin_, std::memory_order_relaxed);
    Platform::fence();  // pairs with the fence in LogReader::read: give up, then overwrite
  }

  void copy_in(std::uint64_t position, const void* from, std::size_t size) noexcept {
    const std::size_t place = position % kLogBytes;
    const std::size_t first = std::min(size, kLogBytes - place);
    Platform::write(&box_->log[place], from, first);
    if (first < size) {
      Platform::write(box_->log.data(), static_cast<const std::byte*>(from) + first, size - first);
    }
  }

  BlackBox<Platform>* box_;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace shoal::metrics
