// SPDX-License-Identifier: Apache-2.0
#include "pool/lent_files.hpp"

#include <algorithm>

namespace shoal::pool {

bool LentFiles::are_lent(std::span<const std::shared_ptr<const UniqueFd>> descriptors) noexcept {
  return descriptors.size() <= kKeptPerTask && std::ranges::all_of(descriptors, [](const auto& fd) {
           return os::LastingFd::find(fd) != nullptr;
         });
}

// By owner: the address of one that has gone may be another's by now.
std::optional<unsigned> LentFiles::find(const std::shared_ptr<const UniqueFd>& fd) const noexcept {
  for (unsigned slot = 0; slot < used_; ++slot) {
    if (!files_[slot].owner_before(fd) && !fd.owner_before(files_[slot])) return slot;
  }
  return std::nullopt;
}

bool LentFiles::is_free(unsigned slot) const noexcept {
  return submissions_.kept[slot].load(std::memory_order_relaxed) == 0;
}

std::optional<unsigned> LentFiles::find_room(bool may_evict,
                                             std::span<const std::uint8_t> names) noexcept {
  if (!may_lend()) return std::nullopt;
  for (unsigned slot = 0; slot < kKeptSlots; ++slot) {
    if (is_free(slot)) return slot;
  }
  if (!may_evict) return std::nullopt;
  // There are more slots than a task names.
  do {
    evicted_ = (evicted_ + 1) % kKeptSlots;
  } while (std::ranges::find(names, evicted_ + 1) != names.end());
  return evicted_;
}

void LentFiles::lend(unsigned slot, const std::shared_ptr<const UniqueFd>& fd) noexcept {
  os::LastingFd::find(fd)->ring_at_end(end_bell_);
  files_[slot] = fd;
  used_ = std::max(used_, slot + 1);
  submissions_.kept[slot].store(++last_id_, std::memory_order_relaxed);  // published with the entry
}

bool LentFiles::drop_gone() noexcept {
  bool has_gone = false;
  for (unsigned slot = 0; slot < used_; ++slot) {
    if (is_free(slot) || !files_[slot].expired()) continue;
    files_[slot].reset();
    submissions_.kept[slot].store(0, std::memory_order_relaxed);
    has_gone = true;
  }
  while (used_ > 0 && is_free(used_ - 1)) --used_;
  return has_gone;
}

}  // namespace shoal::pool
