// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "metrics/black_box_layout.hpp"
#include "shoal/logging.hpp"

namespace shoal::metrics {

struct LogRecord {
  LogLevel level = LogLevel::off;
  std::int64_t nanoseconds = 0;  ///< by the system's clock, since 1970
  std::string text = {};
};

/// The parent's side of a worker's log ring: takes records in from a stranger, who may be writing
/// others, or be dead. One thread at a time.
template <class Platform>
class LogReader {
 public:
  explicit LogReader(const BlackBox<Platform>& box) noexcept : box_(&box) {}

  struct Batch {
    std::uint64_t lost = 0;  ///< records that were overwritten unread, before the first of these
    std::vector<LogRecord> records = {};
  };

  /// Takes what was written since the last call. Nothing comes from a ring that breaks its rules.
  Batch read() {
    Batch batch;
    if (is_damaged_) return batch;
    // acquire: pairs with the release in LogWriter::write; the bytes below it are whole records.
    const std::uint64_t end = box_->end.load(std::memory_order_acquire);
    const std::uint64_t begin = box_->begin.load(std::memory_order_relaxed);
    const std::uint64_t from = std::max(begin, read_);
    // Here `begin` may be younger than `end`: then there is nothing between them for this time.
    if (end < read_ || end % 8 != 0 || begin % 8 != 0) return damaged();
    if (end <= from) return batch;
    if (end - from > kLogBytes) return damaged();
    const std::vector<std::byte> bytes = copy_out(from, end - from);
    Platform::fence();  // pairs with the fence in LogWriter::make_room: copy, then look at `begin`
    const std::uint64_t whole = box_->begin.load(std::memory_order_relaxed);
    read_ = end;
    if (whole >= end) return batch;
    const std::size_t torn = whole > from ? static_cast<std::size_t>(whole - from) : 0;
    if (torn % 8 != 0 || !parse(std::span(bytes).subspan(torn), batch)) return damaged();
    return batch;
  }

  /// True if read() would find something: a look at one word.
  bool has_news() const noexcept {
    return !is_damaged_ && box_->end.load(std::memory_order_acquire) != read_;
  }
  /// True once the ring broke its rules.
  bool is_damaged() const noexcept { return is_damaged_; }

 private:
  Batch damaged() noexcept {
    is_damaged_ = true;
    return {};
  }

  std::vector<std::byte> copy_out(std::uint64_t position, std::uint64_t count) const {
    std::vector<std::byte> bytes(static_cast<std::size_t>(count));
    const std::size_t place = position % kLogBytes;
    const std::size_t first = std::min(bytes.size(), kLogBytes - place);
    Platform::read(bytes.data(), &box_->log[place], first);
    if (first < bytes.size()) {
      Platform::read(bytes.data() + first, box_->log.data(), bytes.size() - first);
    }
    return bytes;
  }

  bool parse(std::span<const std::byte> bytes, Batch& batch) {
    while (!bytes.empty()) {
      LogRecordHeader header;
      if (bytes.size() < sizeof header) return false;
      std::memcpy(&header, bytes.data(), sizeof header);
      const std::size_t padded = (std::size_t{header.size} + 7) / 8 * 8;
      if (header.size < sizeof header || padded > bytes.size()) return false;
      if (header.size > sizeof header + kLongestLogText) return false;
      if (header.level >= static_cast<std::uint8_t>(LogLevel::off)) return false;
      if (header.number <= number_) return false;
      const std::uint64_t missing = header.number - number_ - 1;
      if (missing != 0 && !batch.records.empty()) return false;
      batch.lost += missing;
      number_ = header.number;
      batch.records.push_back(make_record(header, bytes));
      bytes = bytes.subspan(padded);
    }
    return true;
  }

  static LogRecord make_record(const LogRecordHeader& header, std::span<const std::byte> bytes) {
    const auto text = bytes.subspan(sizeof header, header.size - sizeof header);
    LogRecord record{static_cast<LogLevel>(header.level), header.nanoseconds, {}};
    record.text.assign(reinterpret_cast<const char*>(text.data()), text.size());
    if (header.is_cut != 0) record.text += " (cut)";
    return record;
  }

  const BlackBox<Platform>* box_;
  std::uint64_t read_ = 0;    // the position behind the last record taken
  std::uint64_t number_ = 0;  // of that record
  bool is_damaged_ = false;
};

}  // namespace shoal::metrics
