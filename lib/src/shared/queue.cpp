// SPDX-License-Identifier: Apache-2.0
#include "shoal/queue.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>
#include <utility>

#include "shared/queue_state.hpp"
#include "shoal/error.hpp"

namespace shoal::internal {
namespace {

using channel::Passage;
using shared::Awaited;

shared::QueueSize size_for(const QueueHandle::Make& make) {
  const std::size_t limit = make.maxsize == 0 ? shared::kDefaultBound : make.maxsize;
  if (limit > shared::kLargestBound) {
    throw std::invalid_argument("Queue: maxsize is " + std::to_string(limit) + "; at most " +
                                std::to_string(shared::kLargestBound) + " values fit a queue");
  }
  const auto bound = static_cast<std::uint32_t>(limit);
  return {{std::max(std::bit_ceil(bound + 1), 64U), bound, shared::kChunks},
          make.counts_done ? 1U : 0U};
}

// What is written before anybody else has the queue.
shared::Object::Parts create(const QueueHandle::Make& make) {
  const shared::QueueSize size = size_for(make);
  shared::Object::Parts parts = shared::create({.kind = shared::Kind::queue,
                                                .type = make.type,
                                                .bytes = shared::QueuePlan(size).end,
                                                .has_bell = true});
  auto& page =
      *reinterpret_cast<shared::QueuePage*>(parts.file.mapping->data() + shared::kHeaderBytes);
  page.size = size;
  return parts;
}

// A queue whose maker is dead is closed by who first notices it.
[[noreturn]] void fail_closed(const char* call, QueueHandle::State& state) {
  if (state.is_hub_alive()) throw ClosedError(std::string(call) + ": the queue was closed");
  state.close();
  throw ClosedError(std::string(call) + ": the process " + std::to_string(state.hub_pid()) +
                    ", which made the queue, is dead");
}

}  // namespace

std::span<std::byte> QueueMessage::make_room(std::size_t size) {
  size_ = size;
  has_message_ = true;
  if (size <= kInlineBytes) return std::span(inline_).first(size);
  large_.resize(size);
  return large_;
}

QueueHandle::QueueHandle(const Make& make) : state_(std::make_shared<State>(create(make))) {
  shared::enter(state_);
}

bool QueueHandle::put(const Writer& message, Duration timeout) const {
  State& state = *state_;
  const sync::ParticipantId self = state.self("Queue::put");
  if (message.bytes().size() > state.chunks.most()) {
    throw ResourceError("Queue::put: a value of " + std::to_string(message.bytes().size()) +
                        " bytes; all of the queue's memory has room for " +
                        std::to_string(state.chunks.most()));
  }
  const std::uint64_t token = message.descriptors().empty() ? 0 : state.leave(message);
  if (state.is_orphan_noticed()) state.close();
  std::uint32_t first = State::Chunks::kNone;
  Passage passage = Passage::no_room;
  const auto try_put = [&] {
    passage = state.try_put(message, token, first, self);
    return passage != Passage::no_room;
  };
  Awaited awaited = Awaited::yes;
  if (!try_put()) awaited = state.await_room(base::Deadline::in(timeout), first, try_put);
  if (passage == Passage::done) {
    state.announce();
    return true;
  }
  if (first != State::Chunks::kNone) state.chunks.release(first, self);
  if (token != 0) static_cast<void>(state.claim(token));
  if (passage == Passage::closed || awaited == Awaited::hub_died) fail_closed("Queue::put", state);
  return false;
}

QueueMessage QueueHandle::get(Duration timeout) const {
  State& state = *state_;
  const sync::ParticipantId self = state.self("Queue::get");
  QueueMessage message;
  std::uint32_t first = State::Chunks::kNone;
  Passage passage = Passage::empty;
  const auto try_get = [&] {
    passage = state.ring.get(self, first);
    return passage != Passage::empty;
  };
  Awaited awaited = Awaited::yes;
  if (!try_get()) {
    awaited = state.await(state.queue.page().items, base::Deadline::in(timeout), [&] {
      state.expect_get();
      return try_get();
    });
    // Whoever should have been woken for the next message may have been woken for this one.
    if (passage == Passage::done) state.queue.page().items.notify_one();
  }
  if (passage == Passage::closed || awaited == Awaited::hub_died) fail_closed("Queue::get", state);
  if (passage != Passage::done) return message;
  if (!state.take(first, self, message)) {
    throw CodecError(
        "Queue::get: a message does not hang together: a process that has the queue "
        "writes where it must not");
  }
  return message;
}

std::size_t QueueHandle::size() const {
  static_cast<void>(state_->self("Queue::qsize"));
  const shared::QueueRing::Count count = state_->ring.count();
  return count.put - count.got;
}

std::size_t QueueHandle::maxsize() const { return state_->queue.size.ring.limit; }

void QueueHandle::close() const {
  static_cast<void>(state_->self("Queue::close"));
  state_->close();
}

bool QueueHandle::is_closed() const {
  static_cast<void>(state_->self("Queue::closed"));
  return state_->ring.is_closed();
}

// --- what has been dealt with -------------------------------------------------------------------

void QueueHandle::task_done() const {
  State& state = *state_;
  const sync::ParticipantId self = state.self("JoinableQueue::task_done");
  state.note_participant(self);
  const std::lock_guard guard(state.counting);
  const std::uint64_t left = state.queue.unfinished(state.ring.count().put);
  if (left == 0) throw std::logic_error("JoinableQueue::task_done: called more often than put");
  std::atomic<std::uint64_t>& done = state.queue.tally(self).done;
  // release: what was done with the value comes before; pairs with the acquire in unfinished()
  done.store(done.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  if (left == 1) state.queue.page().joins.notify_all();
}

bool QueueHandle::join(Duration timeout) const {
  State& state = *state_;
  static_cast<void>(state.self("JoinableQueue::join"));
  const Awaited awaited = state.await(state.queue.page().joins, base::Deadline::in(timeout), [&] {
    return state.queue.unfinished(state.ring.count().put) == 0;
  });
  if (awaited == Awaited::hub_died) fail_closed("JoinableQueue::join", state);
  return awaited == Awaited::yes;
}

// --- handles ------------------------------------------------------------------------------------

void QueueHandle::encode(Writer& writer) const { state_->encode(writer); }

QueueHandle QueueHandle::decode(Reader& reader, const Make& wanted) {
  auto state = shared::receive_object<State>(reader, shared::Kind::queue, wanted.type);
  if (wanted.counts_done && !state->counts_done()) {
    throw CodecError("a handle of a Queue arrived where a JoinableQueue was asked for");
  }
  return QueueHandle(std::move(state));
}

}  // namespace shoal::internal
