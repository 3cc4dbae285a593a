// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

// The memory of a ShareableList.
//
//   0x00  ListHeader
//   0x40  a ListSlot for each entry
//   then  two cells for each entry, of its capacity: a multiple of 8 bytes, at least 8
//
// Invariants:
// 1. Header, places and capacities are written once, before anybody else has the list.
// 2. `word` of a slot says which of its two cells holds the value, of what kind, and how long.
//    Whoever sets the entry fills the other cell and then stores the word: killed before that
//    store it leaves the old value, after it the new one.
// 3. Who reads copies the word, then the cell, and then looks whether the word is still the same:
//    beside one writer he gets the one value or the other. Two writers of one entry at the same
//    time may fill the same cell; what is read then may be made of both.
// 4. Every number in here is copied, then checked, then used.

namespace shoal::shared {

/// What an entry holds; the places in ShareableList::Item.
enum class ListKind : std::uint8_t { nothing, boolean, integer, real, text, bytes };
inline constexpr unsigned kListKinds = 6;

/// An entry's value as its bytes.
struct ListValue {
  ListKind kind = ListKind::nothing;
  std::vector<std::byte> bytes = {};
};

struct ListHeader {
  std::uint64_t magic;
  std::uint64_t version;
  std::uint64_t count;
};
inline constexpr std::size_t kListSlots = 0x40;  ///< where they begin
static_assert(sizeof(ListHeader) <= kListSlots);

struct ListSlot {
  std::atomic<std::uint64_t> word;  // kind, cell, how often it was set, length
  std::uint32_t place;              // of the first cell, in units of 8 bytes from the start
  std::uint32_t capacity;           // of a cell, in bytes
};
static_assert(sizeof(ListSlot) == 16);

/// How many bytes of an entry's storage a value of that size is given at first.
std::size_t list_capacity(std::size_t bytes) noexcept;

/// How much memory a list of such capacities takes.
std::size_t list_bytes(std::span<const std::size_t> capacities) noexcept;

/// A list in memory that others write to, too. A view.
class List {
 public:
  /// Makes a list of entries that hold nothing. `memory` is zeroed, and list_bytes() long.
  static List make(std::span<std::byte> memory, std::span<const std::size_t> capacities) noexcept;
  /// None: the memory holds no list.
  static std::optional<List> find(std::span<std::byte> memory) noexcept;

  std::size_t size() const noexcept { return count_; }
  /// None: somebody has scribbled over the entry, as with what follows.
  std::optional<std::size_t> capacity(std::size_t index) const noexcept;
  std::optional<ListValue> get(std::size_t index) const;
  /// False: somebody has scribbled. `bytes` are no more than the capacity.
  bool set(std::size_t index, ListKind kind, std::span<const std::byte> bytes) const noexcept;

 private:
  using Word = std::atomic<std::uint64_t>;
  struct Cells {
    std::array<Word*, 2> first;
    std::size_t capacity;
  };

  List(std::span<std::byte> memory, std::size_t count) noexcept : memory_(memory), count_(count) {}
  ListSlot& slot(std::size_t index) const noexcept;
  std::optional<Cells> cells(std::size_t index) const noexcept;

  std::span<std::byte> memory_;
  std::size_t count_;
};

}  // namespace shoal::shared
