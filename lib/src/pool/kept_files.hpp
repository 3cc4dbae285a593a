// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "pool/parcel.hpp"
#include "pool/worker_memory.hpp"
#include "shoal/unique_fd.hpp"

namespace shoal::pool {

/// The descriptors that a worker keeps for its parent, and what its tasks have made of them
/// (os::KeptFd): each is sent once, and goes when the parent says so.
class KeptFiles {
 public:
  explicit KeptFiles(const SharedSubmissions& submissions) noexcept : submissions_(submissions) {}

  /// Keeps what a parcel of kKeptTicket has brought.
  os::Result<void> add(Parcel& parcel);

  /// True if something is to be in `slot` now.
  bool is_used(unsigned slot) const noexcept { return id_of(slot) != 0; }
  /// True if what is to be in `slot` now is here.
  bool has(unsigned slot) const noexcept { return is_used(slot) && kept_[slot].id == id_of(slot); }
  const std::shared_ptr<const UniqueFd>& file(unsigned slot) const noexcept {
    return kept_[slot].file;
  }

  /// Lets go of what the parent has let go.
  void drop_stale() noexcept;

 private:
  struct Kept {
    std::uint64_t id = 0;
    std::shared_ptr<const UniqueFd> file;
  };

  std::uint64_t id_of(unsigned slot) const noexcept {
    return submissions_.kept[slot].load(std::memory_order_relaxed);
  }

  const SharedSubmissions& submissions_;
  std::array<Kept, kKeptSlots> kept_;
};

}  // namespace shoal::pool
