// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "os/crash_handler.hpp"

// The black box of one incarnation of one worker: an anonymous file of 80 KiB, written by the
// worker alone; the parent maps it read-only, and reads on when the worker is dead.
//
//   0x00000 begin | 0x00040 end
//   0x01000 crash report   12 KiB   os::CrashReport
//   0x04000 log records    64 KiB   a ring; a record may go on at its start
//   0x14000 end of the file
//
//   record  size (of all) | level, is_cut | number | time | text | up to the next multiple of 8
//
// Invariants of the log ring (positions count bytes since the incarnation began; a position's place
// is its remainder by kLogBytes):
//  1. begin <= end <= begin + kLogBytes, both are multiples of 8, and neither ever falls.
//  2. The bytes [begin, end) are whole records, one behind the other, numbered without a gap. The
//     first record of all has number 1.
//  3. To make room the worker first moves `begin` past the oldest records, and only then writes.
//     What a reader copied from before a `begin` that it reads afterwards may be torn.
//  4. `end` is the only commit point of a record: a worker killed before it leaves no trace of it
//     but the room it made.
//  5. The numbers tell how many records went unread.
//
// The parent reads all of it as input from a stranger: it copies, checks, then uses, and reads no
// more of a ring that breaks these rules.

namespace shoal::metrics {

inline constexpr std::size_t kLogBytes = 64 << 10;
inline constexpr std::size_t kBlackBoxBytes = 80 << 10;
/// A longer text is cut.
inline constexpr std::size_t kLongestLogText = 8 << 10;

/// What stands before the text of a record.
struct LogRecordHeader {
  std::uint32_t size;  ///< header and text
  std::uint8_t level;  ///< a LogLevel
  std::uint8_t is_cut;
  std::uint16_t unused;
  std::uint64_t number;
  std::int64_t nanoseconds;  ///< by the system's clock, since 1970
};
static_assert(sizeof(LogRecordHeader) == 24);

template <class Platform>
struct BlackBox {
  template <class T>
  using Atomic = typename Platform::template Atomic<T>;

  alignas(64) Atomic<std::uint64_t> begin;  ///< where the oldest record stands
  alignas(64) Atomic<std::uint64_t> end;    ///< behind the newest
  alignas(4096) os::CrashReport crash;
  alignas(4096) std::array<std::byte, kLogBytes> log;
};

}  // namespace shoal::metrics
