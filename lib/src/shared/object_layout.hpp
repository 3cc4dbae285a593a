// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "shoal/duration.hpp"
#include "sync/participant.hpp"

// The first page of the file that holds a shared object; what kind of object it is decides the
// rest.
//
//   0x000  ObjectHeader: what it is; written once, before anybody else has it
//   0x040  is_adopted: the hub has it mapped and repairs what its users leave
//   0x800  users: a bit for each participant that has the object
//   0x1000 the object
//
// Invariants:
// 1. A participant sets its bit before it looks at is_adopted; the hub takes is_adopted back before
//    it looks at the bits for the last time. So one of the two sees the other, and no object has
//    users and no hub that knows of it.
// 2. A bit is cleared by its participant, with its last handle, or by the hub after its death.
// 3. Every number in the header is copied and checked by who receives a handle.

namespace shoal::shared {

/// What an object is.
enum class Kind : std::uint32_t {
  queue = 1,
  lock,
  semaphore,
  condition,
  event,
  barrier,
  value,
  raw_value,
  array,
  raw_array,
  atomic,
  heap,
};
inline constexpr std::uint32_t kKinds = 13;

/// "Queue", "Lock": the public class, for errors.
const char* name_of(Kind kind) noexcept;

/// Names an object: never used twice.
struct ObjectId {
  std::uint64_t hub = 0;     ///< of the process that made it, drawn by lot
  std::uint64_t number = 0;  ///< among those of that hub
  friend auto operator<=>(const ObjectId&, const ObjectId&) = default;
};

inline constexpr std::uint64_t kObjectMagic = 0x54434a424f414853;
inline constexpr std::uint32_t kObjectVersion = 1;
inline constexpr std::size_t kHeaderBytes = 4 << 10;

/// Somebody else may have been woken in one's place and then stopped.
inline constexpr Duration kSecondLook = std::chrono::milliseconds(100);

struct ObjectHeader {
  std::uint64_t magic;
  std::uint32_t version;
  Kind kind;
  ObjectId id;
  std::uint64_t bytes;  ///< of the whole file
  std::uint64_t type;
};
static_assert(sizeof(ObjectHeader) <= 0x40);

struct ObjectPage {
  ObjectHeader header;
  alignas(0x40) std::atomic<std::uint32_t> is_adopted;
  alignas(0x800) std::array<std::atomic<std::uint64_t>, (sync::kLastParticipant + 1) / 64> users;
};
static_assert(sizeof(ObjectPage) == kHeaderBytes);
static_assert(offsetof(ObjectPage, is_adopted) == 0x40 && offsetof(ObjectPage, users) == 0x800);

}  // namespace shoal::shared
