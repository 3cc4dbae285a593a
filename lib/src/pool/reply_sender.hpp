// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "pool/mailbox.hpp"
#include "pool/reply_blocks.hpp"
#include "pool/reply_ring.hpp"
#include "pool/worker_memory.hpp"
#include "shoal/writer.hpp"

namespace shoal::pool {

/// Puts the results of a worker's tasks where its parent finds them: in the completion, the reply
/// ring, a block, or a file of their own.
class ReplySender {
 public:
  ReplySender(const SharedSubmissions& submissions, SharedCompletions& completions,
              const WorkerMailbox<sync::Hardware>& mailbox, int control)
      : completions_(completions),
        mailbox_(mailbox),
        control_(control),
        blocks_(submissions),
        ring_(completions.replies) {}

  /// Where the result of a plain call is written.
  Writer begin() { return Writer(blocks_.memory()); }

  /// Has the results of a map's part, the task `ticket`, written to the reply ring at once, where
  /// the parent finds them if this worker dies. Gives the bytes that they may take; without room
  /// there, one element may be run and no more.
  std::size_t begin_run(std::uint64_t ticket, Writer& results);

  /// Puts `reply` in its place, and says in `completion` where that is; false if it cannot be.
  bool place(Writer& reply, Completion& completion);
  /// Why place() was false.
  const os::Failure& failure() const noexcept { return failure_; }

  /// Takes back the blocks that the parent has released.
  void reclaim() { blocks_.has_room(); }

 private:
  bool place_in_memory(Writer& reply, Completion& completion);
  bool place_in_block(Writer& reply, Completion& completion);
  std::optional<std::size_t> end_run(const Writer& reply);
  bool send(const Writer& reply, std::uint64_t ticket, const os::Fd& file);
  bool fail(const os::Failure& failure) {
    failure_ = failure;
    return false;
  }

  SharedCompletions& completions_;
  const WorkerMailbox<sync::Hardware>& mailbox_;
  int control_;
  ReplyBlocks blocks_;
  ReplyRing ring_;
  std::optional<std::size_t> run_offset_;  // of the piece that a part's results are written to
  os::Failure failure_;
};

}  // namespace shoal::pool
