// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "memory/mapping.hpp"
#include "pool/kept_files.hpp"
#include "pool/mailbox.hpp"
#include "pool/parcel.hpp"
#include "pool/segment_maps.hpp"
#include "pool/worker_memory.hpp"
#include "shoal/unique_fd.hpp"

namespace shoal::pool {

/// Finds the arguments of a worker's tasks, wherever its parent has put them. The parent is
/// believed.
class ArgumentReader {
 public:
  struct Arguments {
    std::span<const std::byte> bytes;
    memory::Mapping file;
    std::vector<std::shared_ptr<const UniqueFd>> descriptors;
  };

  ArgumentReader(const SharedSubmissions& submissions, WorkerMailbox<sync::Hardware>& mailbox,
                 int control) noexcept
      : submissions_(submissions),
        mailbox_(mailbox),
        control_(control),
        segments_(submissions),
        kept_(submissions) {}

  /// The arguments of the task taken last, valid until the next one is taken.
  /// @throws ResourceError  they cannot be received or mapped
  Arguments open(const Entry& entry);

  /// True once a parcel could not be taken in: it may have brought a segment, which is not sent
  /// again.
  bool has_lost_parcel() const noexcept { return has_lost_parcel_; }

  /// Lets go of the segments and descriptors that the parent has let go: a look at one word.
  void drop_stale() {
    if (!mailbox_.has_dropped_segments()) return;
    segments_.drop_stale();
    kept_.drop_stale();
  }

 private:
  void receive(const Entry& entry, Arguments& arguments);
  const std::shared_ptr<const UniqueFd>& kept(unsigned slot);
  Parcel parcel_of(std::uint64_t ticket);
  Parcel next_parcel();

  const SharedSubmissions& submissions_;
  WorkerMailbox<sync::Hardware>& mailbox_;
  int control_;
  SegmentMaps segments_;
  KeptFiles kept_;
  bool has_lost_parcel_ = false;
};

}  // namespace shoal::pool
