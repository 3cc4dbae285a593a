// SPDX-License-Identifier: Apache-2.0
#include "pool/reply_sender.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "os/after_fork.hpp"
#include "os/memfd.hpp"
#include "pool/parcel.hpp"

namespace shoal::pool {
namespace {

// Replies up to this size go through the ring in W, where the parent copies them; larger ones go in
// files of their own, which the parent maps.
constexpr std::size_t kLargestCopiedReply = 16 << 10;

// Room in that ring for the results of a map's part, as much as there is of these; and how much of
// it the last of them may take without being moved elsewhere.
constexpr std::array<std::size_t, 3> kRunBytes = {80 << 10, 32 << 10, 8 << 10};
constexpr std::size_t kRunMargin = 1 << 10;

}  // namespace

std::size_t ReplySender::begin_run(std::uint64_t ticket, Writer& results) {
  SharedCompletions& words = completions_;
  words.run_ticket.store(0, std::memory_order_relaxed);
  for (const std::size_t size : kRunBytes) {
    const auto offset = ring_.allocate(size, mailbox_.completed(), mailbox_.reclaimed());
    if (!offset) continue;
    results = Writer(ring_.block(*offset, size));
    run_offset_ = *offset;
    // release: each pairs with an acquire in Incarnation::rescue, in the opposite order.
    words.run_offset.store(*offset, std::memory_order_release);
    words.progress.store(0, std::memory_order_release);
    words.run_ticket.store(ticket, std::memory_order_release);
    return size - kRunMargin;
  }
  return 0;
}

bool ReplySender::place(Writer& reply, Completion& completion) {
  const std::span<const std::byte> bytes = reply.bytes();
  completion.size = bytes.size();
  completion.descriptors = static_cast<std::uint16_t>(reply.descriptors().size());
  os::Fd file;
  if (!place_in_memory(reply, completion)) {
    completion.place = Place::in_file;
    os::Result<os::Fd> made = os::make_sealed_file("shoal-payload", bytes);
    if (!made) return fail(made.error());
    file = std::move(*made);
  }
  if (!file && reply.descriptors().empty()) return true;
  if (send(reply, completion.ticket, file)) return true;
  if (completion.place == Place::in_segment || completion.place == Place::in_new_segment) {
    blocks_.take_back(completion.block, true);
  }
  return false;
}

bool ReplySender::place_in_memory(Writer& reply, Completion& completion) {
  const std::span<const std::byte> bytes = reply.bytes();
  std::optional<std::size_t> offset = end_run(reply);
  if (bytes.size() <= kCompletionInlineBytes) {
    completion.place = Place::in_entry;
    std::copy(bytes.begin(), bytes.end(), completion.bytes.begin());
    return true;
  }
  if (!offset) {
    if (bytes.size() <= kLargestCopiedReply) {
      offset = ring_.allocate(bytes.size(), mailbox_.completed(), mailbox_.reclaimed());
    }
    if (!offset) return place_in_block(reply, completion);
    std::copy(bytes.begin(), bytes.end(), ring_.at(*offset));
  }
  completion.place = Place::in_mailbox;
  completion.offset = static_cast<std::uint32_t>(*offset);
  return true;
}

// Leaves the reply in a block, which is the parent's until it gives it back.
bool ReplySender::place_in_block(Writer& reply, Completion& completion) {
  if (!blocks_.has_room()) return false;
  const std::span<const std::byte> bytes = reply.bytes();
  std::unique_ptr<internal::WriterBlock> written = reply.take_block();
  if (written == nullptr) {
    written = blocks_.memory().allocate(bytes.size());
    if (written == nullptr) return false;
    std::copy(bytes.begin(), bytes.end(), written->bytes().begin());
  }
  const memory::Block& block = static_cast<const ArenaBlock&>(*written).block();
  completion.place = Place::in_segment;
  completion.segment = static_cast<std::uint16_t>(block.slot());
  completion.offset = static_cast<std::uint32_t>(block.offset());
  if (blocks_.is_new(block)) {
    completion.place = Place::in_new_segment;
    const ParcelLabel label{kSegmentTicket, 1, completion.segment, completion.ticket,
                            block.segment_bytes()};
    const std::array file{block.file()};
    if (!send_parcel(control_, label, file, os::Wait::yes)) os::after_fork::exit_now(1);
  }
  completion.block = blocks_.keep(std::move(written));
  return true;
}

// Gives back what the results of a part did not take of the ring, and tells where they are there.
std::optional<std::size_t> ReplySender::end_run(const Writer& reply) {
  const std::optional<std::size_t> offset = std::exchange(run_offset_, std::nullopt);
  if (!offset) return std::nullopt;
  const std::size_t size = reply.bytes().size();
  if (reply.block() != nullptr && size > kCompletionInlineBytes) {
    ring_.shrink_youngest(size);
    return offset;
  }
  ring_.free_youngest();
  return std::nullopt;
}

bool ReplySender::send(const Writer& reply, std::uint64_t ticket, const os::Fd& file) {
  std::vector<int> fds;
  if (file) fds.push_back(file.get());
  for (const auto& fd : reply.descriptors()) fds.push_back(fd->get());
  const os::Result<void> sent =
      send_parcel(control_, {ticket, file ? 1U : 0U, 0}, fds, os::Wait::yes);
  return sent ? true : fail(sent.error());
}

}  // namespace shoal::pool
