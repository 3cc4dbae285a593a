// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

// The shared memory between a pool and one incarnation of one worker: three anonymous files.
//
//   D  submissions   64 KiB   written by the parent alone; the worker can only map it read-only
//   W  completions  256 KiB   written by the worker alone; the parent maps it read-only
//   G  gate           4 KiB   the one word that both write
//
//   D  0x00000 header | 0x0040 cq_head | 0x0080 bell | 0x00c0 command | 0x0100 may_spin, end_run, stop
//      0x00140 segments_version, segments 64 x 8 bytes | 0x00380 released, release ring 256 x 2
//      0x005c0 kept 32 x 8 bytes
//      0x01000 entries    64 x  128 bytes
//      0x03000 functions 512 x   32 bytes
//      0x07000 modules    32 x  256 bytes
//      0x09000 arguments  28 KiB            a ring, kept in the parent's heap
//      0x10000 end
//
//   W  0x00000 cq_tail | 0x0040 taken, started, run_ticket, run_offset, progress
//      0x00080 sleeping, spins, resident | 0x00c0 polls, report_ticket, report
//      0x01000 completions 64 x 128 bytes
//      0x03000 replies    244 KiB           a ring, kept in the worker's heap
//      0x40000 end
//
//   G  0x00000 gate: limit in the low half, next in the high half
//
// Invariants (indices count tasks since the incarnation began; 32-bit ones are compared by signed
// difference, and no more than kDepth tasks are ever between two of them):
//  1. collected <= next <= limit <= collected + kDepth, where `collected` is the parent's private
//     count of completions.
//  2. entries[i % kDepth] is written before `limit` passes i, and not again before completion i has
//     been collected or index i has been revoked (limit drawn back to i or below).
//  3. The worker takes index i by moving `next` from i to i + 1, and only then reads entry i. The
//     parent publishes by moving `limit` up and revokes by moving it down, never below `next`. All
//     three are compare-and-swap on one word, so that each index is either taken or revoked.
//  4. `taken` holds the ticket of the last task that may have started: it is stored before the
//     first byte of the task's arguments is decoded. A ticket is never used twice.
//  5. `cq_tail` is the only commit point of a result: completions [0, cq_tail) are whole.
//  6. The worker writes completion i only while i < cq_head + kDepth, which invariant 1 gives.
//  7. `run_ticket` names the part of a map whose results are being written to the reply ring at
//     `run_offset`; `progress` says how many of its elements are done, and the bytes of their
//     results, which are whole. `run_ticket` is zero while the other two change owners.
//  8. A large argument lies in a segment, a file that several workers read. `segments` holds the id
//     of the segment in each slot; a worker unmaps what it has of another id there once
//     `segments_version` has changed.
//     `kept` is the like for the descriptors that the worker keeps: the id of the one in each slot.
//     An entry names slots that stand, and a slot changes hands only while no entry names it.
//  9. A large result lies in a segment of its worker's. Its block, by number, is the worker's again
//     once it stands in the release ring below `released`. No number is out twice, so that the
//     ring never overflows.
// 10. `stop` is the ticket of a task that is to stop; `polls` that of the task that looked last
//     whether it is to. `report` belongs to the task `report_ticket`, which is zero meanwhile.
// 11. The parent reads W and G as input from a stranger: it copies, checks, then uses, and ends the
//     worker at the first value that these rules forbid.
//
// Worked example, first task of a worker: the parent writes entries[0] = {ticket 41, ...}, moves
// the gate from {limit 0, next 0} to {1, 0}, reads `sleeping`; the worker moves it to {1, 1},
// stores taken = 41, runs, writes completions[0] = {ticket 41, ...}, stores cq_tail = 1; the parent
// copies completions[0], and stores cq_head = 1.

namespace shoal::pool {

inline constexpr std::uint32_t kMailboxVersion = 5;
inline constexpr std::uint64_t kMailboxMagic = 0x584f424c4c414f48;  ///< the first word of D

inline constexpr std::uint32_t kDepth = 64;  ///< entries of each ring
inline constexpr std::uint32_t kFunctionSlots = 512;
inline constexpr std::uint32_t kModuleSlots = 32;
inline constexpr std::uint32_t kSegmentSlots = 64;
inline constexpr std::uint32_t kKeptSlots = 32;
inline constexpr std::uint32_t kKeptPerTask = 4;
inline constexpr std::uint32_t kReplyBlocks = 256;
/// With a block's number in the release ring: the parent does not have the block's segment.
inline constexpr std::uint16_t kSegmentMissing = 0x8000;

inline constexpr std::size_t kSubmissionsBytes = 64 << 10;
inline constexpr std::size_t kCompletionsBytes = 256 << 10;
inline constexpr std::size_t kGateBytes = 4 << 10;
inline constexpr std::size_t kEntryInlineBytes = 76;
inline constexpr std::size_t kCompletionInlineBytes = 76;

/// Where the bytes of arguments or of a result are.
enum class Place : std::uint8_t {
  in_entry = 0,    ///< within the entry or completion itself
  in_mailbox = 1,  ///< in the argument ring of D, or the reply ring of W
  in_file = 2,     ///< in a sealed shared file sent ahead over the control socket
  in_segment = 3,  ///< in a segment of the sender's
  in_new_segment = 4,  ///< the same, and its file was sent ahead; of results only
};

/// How a task ended, as its worker says.
enum class Outcome : std::uint8_t { value = 0, exception = 1 };

/// What the worker is to do once nothing is left to take.
enum class Command : std::uint32_t { run = 0, exit = 1 };

/// One task, as the parent hands it over.
struct Entry {
  std::uint64_t ticket;
  std::uint64_t id;           ///< the ticket of the task's first attempt
  std::uint64_t size;         ///< bytes of arguments
  std::uint64_t offset;       ///< in D's argument ring, or in the segment
  std::uint32_t function;     ///< id of the function; its slot is id % kFunctionSlots
  std::uint32_t items;        ///< for a part of a map: its elements; 0: one plain call
  std::uint16_t attempt;      ///< 1 for the first
  std::uint16_t descriptors;  ///< how many ride along over the control socket, without the file
  std::uint16_t segment;      ///< the slot, for Place::in_segment
  Place place;
  std::uint8_t name_bytes;    ///< of the arguments, the first: the task's name, if it has one
  /// For the first descriptors: 1 + the slot of one that the worker keeps; 0: it rides along.
  std::array<std::uint8_t, kKeptPerTask> kept;
  std::array<std::byte, kEntryInlineBytes> bytes;
};
static_assert(sizeof(Entry) == 128);
inline constexpr std::size_t kEntryHeaderBytes = offsetof(Entry, bytes);

/// One result, as the worker hands it back.
struct Completion {
  std::uint64_t ticket;
  std::uint64_t size;         ///< bytes of the value or exception
  std::int64_t started;       ///< when the task began, in steady-clock nanoseconds
  std::int64_t ended;         ///< when it had run, not earlier
  std::uint32_t offset;       ///< in W's reply ring, or in the segment
  std::uint32_t items;        ///< for a part of a map: the elements that have a value, the first
  std::uint32_t error_bytes;  ///< for a part of a map: the exception at the end, if one ended it
  std::uint16_t descriptors;  ///< as in Entry
  Place place;
  Outcome outcome;
  std::uint16_t segment;      ///< the slot, for Place::in_segment
  std::uint16_t block;        ///< its number, to be given back
  std::array<std::byte, kCompletionInlineBytes> bytes;
};
static_assert(sizeof(Completion) == 128);
inline constexpr std::size_t kCompletionHeaderBytes = offsetof(Completion, bytes);

/// A function: who decodes and calls (`invoker`), and whom it calls (`target`), each as an offset
/// into one of the modules. The slot of a function may be given to another one while no task in
/// flight uses it; `id` says whose it is.
struct FunctionSlot {
  std::uint64_t invoker_offset;
  std::uint64_t target_offset;
  std::uint32_t id;
  std::uint16_t invoker_module;
  std::uint16_t target_module;  ///< kModuleSlots: the function is a stateless type, without target
  std::uint64_t unused;
};
static_assert(sizeof(FunctionSlot) == 32);

/// A program or library that functions come from.
struct ModuleSlot {
  std::array<std::byte, 32> id;
  std::uint8_t id_size;
  std::array<char, 223> path;  ///< NUL-terminated
};
static_assert(sizeof(ModuleSlot) == 256);

/// The parent's file.
template <class Platform>
struct Submissions {
  template <class T>
  using Atomic = typename Platform::template Atomic<T>;

  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t worker;                       ///< the worker's index in its pool
  alignas(64) Atomic<std::uint64_t> cq_head;  ///< completions the parent has copied
  alignas(64) Atomic<std::uint32_t> bell;     ///< counts wakes; the worker sleeps on it
  alignas(64) Atomic<std::uint32_t> command;  ///< a Command
  alignas(64) Atomic<std::uint32_t> may_spin;  ///< 1: the worker holds a spin token
  Atomic<std::uint64_t> end_run;               ///< ticket of the part of a map that is to end early
  Atomic<std::uint64_t> stop;                  ///< ticket of the task that is to stop
  alignas(64) Atomic<std::uint64_t> segments_version;
  std::array<Atomic<std::uint64_t>, kSegmentSlots> segments;  ///< ids; 0: none
  alignas(64) Atomic<std::uint64_t> released;                 ///< blocks given back to the worker
  std::array<std::uint16_t, kReplyBlocks> release_ring;       ///< their numbers
  alignas(64) std::array<Atomic<std::uint64_t>, kKeptSlots> kept;  ///< ids; 0: none
  alignas(4096) std::array<Entry, kDepth> entries;
  std::array<FunctionSlot, kFunctionSlots> functions;
  std::array<ModuleSlot, kModuleSlots> modules;
  std::array<std::byte, 28 << 10> arguments;
};

/// The worker's file.
template <class Platform>
struct Completions {
  template <class T>
  using Atomic = typename Platform::template Atomic<T>;

  alignas(64) Atomic<std::uint64_t> cq_tail;   ///< completions that are whole
  alignas(64) Atomic<std::uint64_t> taken;     ///< ticket of the last task begun; 0: none
  Atomic<std::int64_t> started;                ///< when, in steady-clock nanoseconds
  Atomic<std::uint64_t> run_ticket;            ///< of the part whose elements run now; 0: none
  Atomic<std::uint64_t> run_offset;            ///< of its results in the reply ring
  Atomic<std::uint64_t> progress;              ///< internal::ItemRun::Progress
  alignas(64) Atomic<std::uint32_t> sleeping;  ///< odd: ring the bell after publishing
  Atomic<std::uint64_t> spins;                 ///< how often the worker polled before it slept
  Atomic<std::uint64_t> resident;              ///< bytes of its memory, where the parent wants them
  alignas(64) Atomic<std::uint64_t> polls;     ///< ticket of the task that looked whether to stop
  Atomic<std::uint64_t> report_ticket;         ///< of the task that `report` is from; 0: none
  Atomic<std::uint64_t> report;                ///< a double: how far that task says it is
  alignas(4096) std::array<Completion, kDepth> completions;
  std::array<std::byte, 244 << 10> replies;
};

/// The file that both write.
template <class Platform>
struct Gate {
  alignas(64) typename Platform::template Atomic<std::uint64_t> word;
};

/// The two halves of the gate word.
struct GateValue {
  std::uint32_t limit;
  std::uint32_t next;

  static constexpr GateValue unpack(std::uint64_t word) noexcept {
    return {static_cast<std::uint32_t>(word), static_cast<std::uint32_t>(word >> 32)};
  }
  constexpr std::uint64_t pack() const noexcept {
    return static_cast<std::uint64_t>(next) << 32 | limit;
  }
};

/// a - b for indices that wrap.
constexpr std::int32_t distance(std::uint32_t a, std::uint32_t b) noexcept {
  return static_cast<std::int32_t>(a - b);
}

}  // namespace shoal::pool
