// SPDX-License-Identifier: Apache-2.0
#include "shared/list_layout.hpp"

#include <algorithm>
#include <cstring>

#include "sync/hardware.hpp"

namespace shoal::shared {
namespace {

constexpr std::uint64_t kMagic = 0x5453494c4c414853;
constexpr std::size_t kUnit = 8;
constexpr unsigned kPatience = 1'000'000;  // looks at an entry that others set all the time

// What a slot's word says; `turn` differs between a value and those set soon after it.
struct Told {
  std::uint64_t kind = 0;
  std::size_t cell = 0;
  std::uint64_t turn = 0;
  std::size_t length = 0;
};

constexpr unsigned kKindBits = 8, kTurnBits = 23;
constexpr std::uint64_t low(std::uint64_t word, unsigned bits) {
  return word & ((std::uint64_t{1} << bits) - 1);
}

Told unpack(std::uint64_t word) noexcept {
  return {low(word, kKindBits), low(word >> kKindBits, 1), low(word >> (kKindBits + 1), kTurnBits),
          word >> 32};
}
std::uint64_t pack(const Told& told) noexcept {
  return told.kind | std::uint64_t{told.cell} << kKindBits |
         low(told.turn, kTurnBits) << (kKindBits + 1) | std::uint64_t{told.length} << 32;
}
static_assert(kKindBits + 1 + kTurnBits == 32);

bool is_possible(const Told& told, std::size_t capacity) noexcept {
  switch (static_cast<ListKind>(told.kind)) {
    case ListKind::nothing:
      return told.length == 0;
    case ListKind::boolean:
      return told.length == 1;
    case ListKind::integer:
    case ListKind::real:
      return told.length == sizeof(std::uint64_t);
    case ListKind::text:
    case ListKind::bytes:
      return told.length <= capacity;
  }
  return false;
}

}  // namespace

std::size_t list_capacity(std::size_t bytes) noexcept {
  return std::max(kUnit, (bytes + kUnit - 1) / kUnit * kUnit);
}

std::size_t list_bytes(std::span<const std::size_t> capacities) noexcept {
  std::size_t bytes = kListSlots + capacities.size() * sizeof(ListSlot);
  for (const std::size_t capacity : capacities) bytes += 2 * capacity;
  return bytes;
}

List List::make(std::span<std::byte> memory, std::span<const std::size_t> capacities) noexcept {
  const List list(memory, capacities.size());
  std::size_t at = kListSlots + capacities.size() * sizeof(ListSlot);
  for (std::size_t i = 0; i < capacities.size(); ++i) {
    ListSlot& slot = list.slot(i);
    slot.place = static_cast<std::uint32_t>(at / kUnit);
    slot.capacity = static_cast<std::uint32_t>(capacities[i]);
    at += 2 * capacities[i];
  }
  const ListHeader header{kMagic, 1, capacities.size()};
  std::memcpy(memory.data(), &header, sizeof header);
  return list;
}

std::optional<List> List::find(std::span<std::byte> memory) noexcept {
  if (memory.size() < kListSlots) return std::nullopt;
  ListHeader header;
  sync::Hardware::read(&header, memory.data(), sizeof header);
  const std::size_t most = (memory.size() - kListSlots) / sizeof(ListSlot);
  if (header.magic != kMagic || header.version != 1 || header.count > most) return std::nullopt;
  return List(memory, header.count);
}

ListSlot& List::slot(std::size_t index) const noexcept {
  return *reinterpret_cast<ListSlot*>(memory_.data() + kListSlots + index * sizeof(ListSlot));
}

std::optional<List::Cells> List::cells(std::size_t index) const noexcept {
  std::array<std::uint32_t, 2> numbers;
  sync::Hardware::read(numbers.data(), &slot(index).place, sizeof numbers);
  const std::size_t begin = std::size_t{numbers[0]} * kUnit;
  const std::size_t capacity = numbers[1];
  const std::size_t first = kListSlots + count_ * sizeof(ListSlot);
  const bool is_inside = begin >= first && begin <= memory_.size() && capacity >= kUnit &&
                         capacity % kUnit == 0 && capacity <= (memory_.size() - begin) / 2;
  if (!is_inside) return std::nullopt;
  auto* const word = reinterpret_cast<Word*>(memory_.data() + begin);
  return Cells{{word, word + capacity / kUnit}, capacity};
}

std::optional<std::size_t> List::capacity(std::size_t index) const noexcept {
  const std::optional<Cells> found = cells(index);
  return found ? std::optional(found->capacity) : std::nullopt;
}

std::optional<ListValue> List::get(std::size_t index) const {
  const std::optional<Cells> found = cells(index);
  if (!found) return std::nullopt;
  const Word& word = slot(index).word;
  ListValue value;
  for (unsigned looks = 1;; ++looks) {
    // acquire: pairs with the release in set(): the cell is filled
    const std::uint64_t before = word.load(std::memory_order_acquire);
    const Told told = unpack(before);
    if (!is_possible(told, found->capacity)) return std::nullopt;
    value.kind = static_cast<ListKind>(told.kind);
    value.bytes.resize(told.length);
    for (std::size_t at = 0; at < told.length; at += kUnit) {
      // relaxed: the second look at the word tells whether it was overwritten
      const std::uint64_t unit =
          found->first[told.cell][at / kUnit].load(std::memory_order_relaxed);
      std::memcpy(value.bytes.data() + at, &unit, std::min(kUnit, told.length - at));
    }
    // acquire: pairs with the fence in set(): who has read what is being filled sees that the
    // word before it has changed
    std::atomic_thread_fence(std::memory_order_acquire);
    if (word.load(std::memory_order_relaxed) == before || looks == kPatience) return value;
    sync::Hardware::relax();
  }
}

bool List::set(std::size_t index, ListKind kind, std::span<const std::byte> bytes) const noexcept {
  const std::optional<Cells> found = cells(index);
  if (!found || bytes.size() > found->capacity) return false;
  Word& word = slot(index).word;
  const Told old = unpack(word.load(std::memory_order_acquire));  // pairs with the release below
  std::atomic_thread_fence(std::memory_order_release);  // pairs with the acquire fence in get()
  for (std::size_t at = 0; at < bytes.size(); at += kUnit) {
    std::uint64_t unit = 0;
    std::memcpy(&unit, bytes.data() + at, std::min(kUnit, bytes.size() - at));
    found->first[1 - old.cell][at / kUnit].store(unit, std::memory_order_relaxed);
  }
  const Told fresh{static_cast<std::uint64_t>(kind), 1 - old.cell, old.turn + 1, bytes.size()};
  word.store(pack(fresh), std::memory_order_release);  // pairs with the acquire in get()
  return true;
}

}  // namespace shoal::shared
