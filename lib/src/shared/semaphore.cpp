// SPDX-License-Identifier: Apache-2.0
#include "shoal/semaphore.hpp"

#include <algorithm>
#include <mutex>
#include <stdexcept>
#include <string>

#include "shared/lock_state.hpp"
#include "shared/object.hpp"
#include "shared/sync_layouts.hpp"
#include "shoal/error.hpp"

namespace shoal {

using shared::SemaphoreMemory;

struct Semaphore::State : shared::Object {
  explicit State(Parts parts)
      : Object(std::move(parts)), shared(shared::memory_in<SemaphoreMemory>(memory())) {}
  State(Parts parts, unsigned value, unsigned most) : State(std::move(parts)) {
    shared.most.store(most, std::memory_order_relaxed);
    shared.words.start(value);
  }
  // What this process holds as its last handle goes is used up.
  ~State() override {
    if (!is_copy()) shared.words.forget(self("Semaphore"));
  }

  bool try_acquire(sync::ParticipantId me) {
    const std::lock_guard guard(changing);
    return shared.words.try_acquire(me);
  }

  SemaphoreMemory& shared;
  std::mutex changing;  // one thread of a process at a time, and never asleep
};

static_assert(Semaphore::kMost == sync::Semaphore<sync::Hardware>::kMost);

Semaphore::Semaphore(unsigned value) : Semaphore(value, false) {}
BoundedSemaphore::BoundedSemaphore(unsigned value) : Semaphore(value, true) {}

Semaphore::Semaphore(unsigned value, bool is_bounded) {
  if (value > kMost) {
    throw std::invalid_argument("Semaphore: " + std::to_string(value) +
                                " permits are more than there can be, " + std::to_string(kMost));
  }
  state_ = shared::create_object<State>({.kind = shared::Kind::semaphore,
                                         .type = is_bounded ? shared::kBounded : shared::kPlain,
                                         .bytes = sizeof(SemaphoreMemory)},
                                        value, is_bounded ? value : kMost);
}

void Semaphore::acquire() const { try_acquire_for(forever); }

bool Semaphore::try_acquire_for(Duration timeout) const {
  const char* const call = "Semaphore::acquire";
  State& state = *state_;
  const sync::ParticipantId me = state.self(call);
  if (state.try_acquire(me)) return true;
  if (timeout <= Duration::zero()) return false;
  const shared::Awaited awaited =
      state.await(state.shared.words.changes(), base::Deadline::in(timeout),
                  [&] { return state.try_acquire(me); });
  if (awaited == shared::Awaited::hub_died) shared::fail_for_hub(state, call);
  return awaited == shared::Awaited::yes;
}

void Semaphore::release(unsigned count) const {
  const char* const call = "Semaphore::release";
  State& state = *state_;
  const sync::ParticipantId me = state.self(call);
  const std::uint32_t most = std::min(state.shared.most.load(std::memory_order_relaxed), kMost);
  const std::lock_guard guard(state.changing);
  if (state.shared.words.release(me, count, most)) return;
  shared::fail_not_held(call, ("there would be more than " + std::to_string(most) +
                               " permits; it was released more often than acquired")
                                  .c_str());
}

unsigned Semaphore::value() const {
  static_cast<void>(state_->self("Semaphore::value"));
  return state_->shared.words.value();
}

void Codec<Semaphore>::encode(Writer& writer, const Semaphore& semaphore) {
  semaphore.state_->encode(writer);
}

Semaphore Codec<Semaphore>::decode(Reader& reader) {
  return Semaphore(shared::receive_object<Semaphore::State>(reader, shared::Kind::semaphore));
}

void Codec<BoundedSemaphore>::encode(Writer& writer, const BoundedSemaphore& semaphore) {
  Codec<Semaphore>::encode(writer, semaphore);
}

BoundedSemaphore Codec<BoundedSemaphore>::decode(Reader& reader) {
  return BoundedSemaphore(
      shared::receive_object<Semaphore::State>(reader, shared::Kind::semaphore, shared::kBounded));
}

}  // namespace shoal
