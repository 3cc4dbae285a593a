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
//   D  0x00000 header | 0x0040 cq_head | 0x0080 bell | 0x00c0 command
//      0x01000 entries    64 x  128 bytes
//      0x03000 functions 512 x   32 bytes
//      0x07000 modules    32 x  256 bytes
//      0x09000 arguments  28 KiB            a ring, kept in the parent's heap
//      0x10000 end
//
//   W  0x00000 cq_tail | 0x0040 taken, started | 0x0080 sleeping
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
//  7. The parent reads W and G as input from a stranger: it copies, checks, then uses, and ends the
//     worker at the first value that these rules forbid.
//
// Worked example, first task of a worker: the parent writes entries[0] = {ticket 41, ...}, moves
// the gate from {limit 0, next 0} to {1, 0}, reads `sleeping`; the worker moves it to {1, 1},
// stores taken = 41, runs, writes completions[0] = {ticket 41, ...}, stores cq_tail = 1; the parent
// copies completions[0], and stores cq_head = 1.

namespace shoal::pool {

inline constexpr std::uint32_t kMailboxVersion = 1;
inline constexpr std::uint64_t kMailboxMagic = 0x584f424c4c414f48;  ///< the first word of D

inline constexpr std::uint32_t kDepth = 64;  ///< entries of each ring
inline constexpr std::uint32_t kFunctionSlots = 512;
inline constexpr std::uint32_t kModuleSlots = 32;

inline constexpr std::size_t kSubmissionsBytes = 64 << 10;
inline constexpr std::size_t kCompletionsBytes = 256 << 10;
inline constexpr std::size_t kGateBytes = 4 << 10;
inline constexpr std::size_t kEntryInlineBytes = 88;
inline constexpr std::size_t kCompletionInlineBytes = 104;

/// Where the bytes of arguments or of a result are.
enum class Place : std::uint8_t {
  in_entry = 0,    ///< within the entry or completion itself
  in_mailbox = 1,  ///< in the argument ring of D, or the reply ring of W
  in_file = 2,     ///< in a sealed shared file sent ahead over the control socket
};

/// How a task ended, as its worker says.
enum class Outcome : std::uint8_t { value = 0, exception = 1 };

/// What the worker is to do once nothing is left to take.
enum class Command : std::uint32_t { run = 0, exit = 1 };

/// One task, as the parent hands it over.
struct Entry {
  std::uint64_t ticket;
  std::uint64_t size;         ///< bytes of arguments
  std::uint32_t function;     ///< id of the function; its slot is id % kFunctionSlots
  std::uint32_t offset;       ///< in D's argument ring, for Place::in_mailbox
  std::uint16_t attempt;      ///< 1 for the first
  std::uint16_t descriptors;  ///< how many ride along over the control socket, without the file
  Place place;
  std::array<std::uint8_t, 11> unused;
  std::array<std::byte, kEntryInlineBytes> bytes;
};
static_assert(sizeof(Entry) == 128);

/// One result, as the worker hands it back.
struct Completion {
  std::uint64_t ticket;
  std::uint64_t size;         ///< bytes of the value or exception
  std::uint32_t offset;       ///< in W's reply ring, for Place::in_mailbox
  std::uint16_t descriptors;  ///< as in Entry
  Place place;
  Outcome outcome;
  std::array<std::byte, kCompletionInlineBytes> bytes;
};
static_assert(sizeof(Completion) == 128);

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
  alignas(64) Atomic<std::uint32_t> sleeping;  ///< 1: ring the bell after publishing
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

/// Copies bytes that another process may be changing, once: what is checked afterwards is the copy.
void copy_shared(void* to, const void* from, std::size_t bytes) noexcept;

}  // namespace shoal::pool
