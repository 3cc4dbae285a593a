// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/chooser.hpp"

namespace shoal::model {

inline constexpr std::size_t kClocks = 80;

/// Names a location: an atomic word, or a block of plain bytes.
using Location = std::uint8_t;

/// How many stores to each location somebody has seen.
struct View {
  std::array<std::uint8_t, kClocks> seen{};

  void join(const View& other) noexcept {
    View
        both;  // a copy, which the compiler knows to overlap with neither: it makes vectors of this
    for (std::size_t i = 0; i < kClocks; ++i) {
      both.seen[i] = seen[i] < other.seen[i] ? other.seen[i] : seen[i];
    }
    *this = both;
  }
};

/// What the orders that a party asks for fail to do; for mutants.
struct Weakness {
  bool stores = false;  ///< release is relaxed
  bool loads = false;   ///< acquire is relaxed
  bool fences = false;  ///< fences do nothing
};

/// What one party knows of the memory.
struct Sight {
  View now;      ///< it sees these stores, or newer ones
  View pending;  ///< what its relaxed loads have brought, for its next fence
  View fenced;   ///< what its relaxed stores carry: what it saw at its last fence
  Weakness weakness;
};

/// Memory as C++20 orders it, without the executions in which a load reads a store that comes after
/// it (load buffering, out of thin air). Each location keeps all its stores in their one order; a
/// store carries the view of its writer if it releases; a load reads any store not older than its
/// reader has seen, and takes over what it carries if it acquires; a read-modify-write reads the
/// newest; sequentially consistent fences pass one view along, in the order they are executed.
class Memory {
 public:
  Location add();
  /// Forgets all stores: each word is zero again, or what `start_at` says.
  void reset() noexcept;
  /// From the next reset on `location` holds `value` in the beginning.
  void start_at(Location location, std::uint64_t value) noexcept {
    cells_[location].first_value = value;
  }
  /// From now on the stores to `location` are lost; for mutants.
  void freeze(Location location) noexcept { cells_[location].is_frozen = true; }

  struct Seen {
    std::uint64_t value;
    unsigned age;  ///< 0: the newest
  };
  Seen load(Sight& sight, Location location, std::memory_order order, Chooser& chooser) noexcept;
  /// False if there is no room for one more store.
  bool store(Sight& sight, Location location, std::uint64_t value,
             std::memory_order order) noexcept;
  /// A read-modify-write; false as above.
  bool exchange(Sight& sight, Location location, std::uint64_t value,
                std::memory_order order) noexcept;
  /// A swap that fails is a load in the order `failure`: it may fail because it reads an older
  /// store.
  struct Swapped {
    bool is_done;
    Seen seen;
  };
  Swapped swap(Sight& sight, Location location, std::uint64_t expected, std::uint64_t desired,
               std::memory_order success, std::memory_order failure, Chooser& chooser) noexcept;
  void fence(Sight& sight) noexcept;

  std::uint64_t newest(Location location) const noexcept {
    return cells_[location].stores[cells_[location].last].value;
  }
  /// A word that a lock of the kernel's guards: everybody sees its newest value, and all that came
  /// before.
  void acquire_newest(Sight& sight, Location location) noexcept;
  void update_newest(Sight& sight, Location location, std::uint64_t value) noexcept;

  /// The block of plain bytes at `address`. True if the access happens after all it conflicts with.
  bool write_plain(Sight& sight, const void* address);
  bool read_plain(Sight& sight, const void* address);

 private:
  static constexpr std::size_t kStores = 120;

  struct Store {
    std::uint64_t value;
    View carried;
  };
  struct Cell {
    std::uint8_t last = 0;
    bool is_frozen = false;
    std::uint64_t first_value = 0;
    std::array<Store, kStores> stores{};
  };
  struct Block {
    std::uintptr_t address;
    Location writes;
    Location reads;
    std::uint8_t written = 0;
    std::uint8_t read = 0;
  };

  void take_over(Sight& sight, const Store& store, bool is_acquired) noexcept;
  Block& block_at(const void* address);

  std::vector<Cell> cells_;
  std::vector<Block> blocks_;
  std::size_t clocks_ = 0;
  View fences_;
};

}  // namespace shoal::model
