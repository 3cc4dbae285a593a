// SPDX-License-Identifier: Apache-2.0
#include "model/memory.hpp"

#include <stdexcept>

namespace shoal::model {
namespace {

// Entries and completions have this size, and are aligned to it.
constexpr std::uintptr_t kBlockBytes = 128;

bool is_acquire(std::memory_order order) noexcept {
  return order == std::memory_order_acquire || order == std::memory_order_acq_rel;
}
bool is_release(std::memory_order order) noexcept {
  return order == std::memory_order_release || order == std::memory_order_acq_rel;
}

}  // namespace

Location Memory::add() {
  if (clocks_ == kClocks) throw std::length_error("more locations than a view has clocks");
  // Words and blocks share the clocks; the cell of a block stays empty.
  cells_.resize(clocks_ + 1);
  return static_cast<Location>(clocks_++);
}

void Memory::reset() noexcept {
  fences_ = {};
  for (Cell& cell : cells_) {
    cell.last = 0;
    cell.is_frozen = false;
    cell.stores[0] = {cell.first_value, {}};
  }
  for (Block& block : blocks_) block.written = block.read = 0;
}

void Memory::take_over(Sight& sight, const Store& store, bool is_acquired) noexcept {
  sight.pending.join(store.carried);
  if (is_acquired && !sight.weakness.loads) sight.now.join(store.carried);
}

Memory::Seen Memory::load(Sight& sight, Location location, std::memory_order order,
                          Chooser& chooser) noexcept {
  const Cell& cell = cells_[location];
  const unsigned visible = 1U + cell.last - sight.now.seen[location];
  const unsigned age = visible > 1 ? chooser.pick_store(visible) : 0;
  const auto index = static_cast<std::uint8_t>(cell.last - age);
  sight.now.seen[location] = index;
  take_over(sight, cell.stores[index], is_acquire(order));
  return {cell.stores[index].value, age};
}

bool Memory::store(Sight& sight, Location location, std::uint64_t value,
                   std::memory_order order) noexcept {
  Cell& cell = cells_[location];
  if (cell.is_frozen) return true;
  if (cell.last + 1U == kStores) return false;
  ++cell.last;
  sight.now.seen[location] = cell.last;
  Store& store = cell.stores[cell.last];
  store.value = value;
  store.carried = is_release(order) && !sight.weakness.stores ? sight.now : sight.fenced;
  store.carried.seen[location] = cell.last;
  return true;
}

// Reads the newest store and goes on the release sequence it is in.
bool Memory::exchange(Sight& sight, Location location, std::uint64_t value,
                      std::memory_order order) noexcept {
  Cell& cell = cells_[location];
  const std::uint8_t read = cell.last;
  take_over(sight, cell.stores[read], is_acquire(order));
  sight.now.seen[location] = read;
  if (!store(sight, location, value, order)) return false;
  cell.stores[cell.last].carried.join(cell.stores[read].carried);
  return true;
}

Memory::Swapped Memory::swap(Sight& sight, Location location, std::uint64_t expected,
                             std::uint64_t desired, std::memory_order success,
                             std::memory_order failure, Chooser& chooser) noexcept {
  const Cell& cell = cells_[location];
  unsigned other = 0;  // how many visible older stores would make it fail
  for (unsigned i = sight.now.seen[location]; i < cell.last; ++i) {
    other += cell.stores[i].value != expected ? 1U : 0U;
  }
  unsigned age = other > 0 ? chooser.pick_store(1 + other) : 0;
  unsigned index = cell.last;
  for (; age > 0; --age) {
    do {
      --index;
    } while (cell.stores[index].value == expected);
  }
  const Store& found = cell.stores[index];
  if (found.value == expected) {
    const bool is_stored = exchange(sight, location, desired, success);
    return {is_stored, {expected, is_stored ? 0U : ~0U}};
  }
  sight.now.seen[location] = static_cast<std::uint8_t>(index);
  take_over(sight, found, is_acquire(failure));
  return {false, {found.value, cell.last - index}};
}

void Memory::fence(Sight& sight) noexcept {
  sight.now.join(sight.pending);
  sight.now.join(fences_);
  fences_ = sight.now;
  sight.fenced = sight.now;
}

void Memory::acquire_newest(Sight& sight, Location location) noexcept {
  const Cell& cell = cells_[location];
  sight.now.seen[location] = cell.last;
  sight.now.join(cell.stores[cell.last].carried);
}

void Memory::update_newest(Sight& sight, Location location, std::uint64_t value) noexcept {
  acquire_newest(sight, location);
  Store& store = cells_[location].stores[cells_[location].last];
  store = {value, sight.now};
}

Memory::Block& Memory::block_at(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address) & ~(kBlockBytes - 1);
  for (Block& block : blocks_) {
    if (block.address == at) return block;
  }
  const Location writes = add();
  return blocks_.emplace_back(Block{at, writes, add()});
}

bool Memory::write_plain(Sight& sight, const void* address) {
  Block& block = block_at(address);
  const bool is_alone =
      sight.now.seen[block.writes] == block.written && sight.now.seen[block.reads] == block.read;
  sight.now.seen[block.writes] = ++block.written;
  return is_alone;
}

bool Memory::read_plain(Sight& sight, const void* address) {
  Block& block = block_at(address);
  const bool is_alone =
      sight.now.seen[block.writes] == block.written && sight.now.seen[block.reads] == block.read;
  sight.now.seen[block.reads] = ++block.read;
  return is_alone;
}

}  // namespace shoal::model
