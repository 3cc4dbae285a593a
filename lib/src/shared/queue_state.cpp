// SPDX-License-Identifier: Apache-2.0
#include "shared/queue_state.hpp"

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "os/cpu.hpp"
#include "os/event.hpp"
#include "os/socket.hpp"
#include "shared/commons.hpp"
#include "shared/recover_queue.hpp"
#include "shoal/error.hpp"

namespace shoal::internal {

using channel::Passage;

namespace {
constexpr std::size_t kLineBytes = 64;
constexpr unsigned kMostPausesForRoom = 16;
}  // namespace

QueueHandle::State::State(Parts parts)
    : Object(std::move(parts)),
      queue(checked(memory())),
      words(queue.words()),
      ring(words, queue.size.ring),
      chunks(ring, queue.chunks(), queue.size.ring.chunks) {}

shared::QueueMemory QueueHandle::State::checked(std::span<std::byte> memory) {
  const auto view = shared::QueueMemory::view(memory);
  if (!view) throw CodecError("a handle of a Queue arrived whose memory is not that of one");
  return *view;
}

Passage QueueHandle::State::try_put(const Writer& message, std::uint64_t token,
                                    std::uint32_t& first, sync::ParticipantId self) noexcept {
  if (first == Chunks::kNone) {
    if (ring.is_closed()) return Passage::closed;
    first = chunks.store(message.bytes(), token, self, search);
    if (first == Chunks::kNone) return Passage::no_room;
  }
  std::uint64_t known = known_head.load(std::memory_order_relaxed);
  const Passage passage = ring.put(first, known);
  known_head.store(known, std::memory_order_relaxed);
  return passage;
}

void QueueHandle::State::expect_get() const noexcept {
  const std::uint64_t head = words.head->load(std::memory_order_relaxed);
  const std::uint64_t word =
      words.cells[head & (queue.size.ring.cells - 1)].load(std::memory_order_relaxed);
  const channel::Cell cell = channel::Cell::unpack(word);
  if (cell.state != channel::CellState::full || cell.chunk >= queue.size.ring.chunks) return;
  os::expect_write(&words.owners[cell.chunk]);
  os::expect_read(chunks.address(cell.chunk));
  os::expect_read(chunks.address(cell.chunk) + kLineBytes);
}

void QueueHandle::State::announce() noexcept {
  shared::QueuePage& page = queue.page();
  // A put ends with a swap. Pairs with the fences in prepare() and of those who wait for several
  // things, who have set their word and looked since.
  shared::Hardware::fence_after_swap();
  page.items.notify_fenced(1);
  if (page.watchers.load(std::memory_order_relaxed) == 0) return;
  if (page.watchers.exchange(0, std::memory_order_acq_rel) != 0) os::ring(bell());
}

shared::Awaited QueueHandle::State::await_room(base::Deadline deadline, const std::uint32_t& first,
                                               const std::function<bool()>& try_put) {
  shared::QueuePage& page = queue.page();
  for (;;) {
    // Without chunks one waits for any to be freed, with all others who do; with them, for a place
    // in the ring.
    const bool has_chunks = first != Chunks::kNone;
    bool is_decided = false;
    const auto look = [&] {
      is_decided = try_put();
      return is_decided || has_chunks != (first != Chunks::kNone);
    };
    // One who polls a full queue looks less and less often: each look slows those who empty it,
    // and it is more than one place that is there in the end.
    const shared::Awaited awaited =
        await(has_chunks ? page.room : page.memory, deadline, look, kMostPausesForRoom);
    if (is_decided || awaited != shared::Awaited::yes) return awaited;
  }
}

bool QueueHandle::State::take(std::uint32_t first, sync::ParticipantId self,
                              QueueMessage& message) {
  const channel::ChunkHead head = chunks.head(first);
  bool is_whole = false;
  try {
    is_whole = head.size != Chunks::kNone && chunks.load(first, head, message.make_room(head.size));
    if (is_whole && head.token != 0) message.descriptors_ = claim(head.token);
  } catch (...) {  // no memory, or no descriptors, for it: it is gone, and its chunks must not be
    count_and_release(first, self);
    throw;
  }
  count_and_release(first, self);
  return is_whole;
}

void QueueHandle::State::count_and_release(std::uint32_t first, sync::ParticipantId self) noexcept {
  if (counts_done()) {
    note_participant(self);
    const std::lock_guard guard(counting);
    shared::Tally& tally = queue.tally(self);
    const std::uint64_t taken = tally.taken.load(std::memory_order_relaxed);
    const shared::Counting about{first, ring.version(first), taken};
    tally.counting.store(about.pack(), std::memory_order_release);
    tally.taken.store(taken + 1, std::memory_order_release);
    chunks.release(first, self);
  } else {
    chunks.release(first, self);
  }
  shared::QueuePage& page = queue.page();
  // What gave the message and its chunks away were swaps. Pairs with the fence in prepare().
  shared::Hardware::fence_after_swap();
  page.room.notify_fenced(1);
  page.memory.notify_fenced(std::numeric_limits<int>::max());
}

void QueueHandle::State::close() noexcept {
  ring.close();
  shared::wake_queue(memory());
  os::ring(bell());
}

void QueueHandle::State::note_participant(sync::ParticipantId self) noexcept {
  std::atomic<std::uint32_t>& ids = queue.page().participants;
  std::uint32_t seen = ids.load(std::memory_order_relaxed);
  while (seen <= self && !ids.compare_exchange_weak(seen, self + 1U, std::memory_order_acq_rel,
                                                    std::memory_order_relaxed)) {
  }
}

// --- descriptors --------------------------------------------------------------------------------

std::uint64_t QueueHandle::State::leave(const Writer& message) {
  shared::Commons& commons = shared::Commons::instance();
  const std::uint64_t token = commons.draw_token();
  if (is_own()) {
    commons.hub().adopt(file());
    commons.hub().deposit(id().number, token, message.descriptors());
    return token;
  }
  std::vector<int> fds;
  for (const auto& descriptor : message.descriptors()) fds.push_back(descriptor->get());
  if (fds.size() > os::kMaxDescriptorsPerMessage) {
    throw CodecError("Queue::put: a value with " + std::to_string(fds.size()) +
                     " descriptors; at most " + std::to_string(os::kMaxDescriptorsPerMessage) +
                     " can travel at once");
  }
  commons.tether().ask(hub(), {.ask = shared::Ask::deposit, .subject = id().number, .token = token},
                       fds);
  return token;
}

shared::Descriptors QueueHandle::State::claim(std::uint64_t token) {
  shared::Commons& commons = shared::Commons::instance();
  if (is_own()) return commons.hub().claim(token);
  shared::Tether::Reply reply =
      commons.tether().ask(hub(), {.ask = shared::Ask::claim, .token = token}, {});
  shared::Descriptors descriptors;
  for (os::Fd& fd : reply.fds) {
    descriptors.push_back(std::make_shared<const UniqueFd>(std::move(fd)));
  }
  return descriptors;
}

}  // namespace shoal::internal
