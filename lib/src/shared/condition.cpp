// SPDX-License-Identifier: Apache-2.0
#include "shoal/condition.hpp"

#include <optional>
#include <string>

#include "shared/lock_state.hpp"
#include "shared/object.hpp"
#include "shared/sync_layouts.hpp"
#include "shoal/error.hpp"

namespace shoal {

using shared::ConditionMemory;
using Words = sync::Condition<sync::Hardware>;

static_assert(sizeof(ConditionMemory) < Condition::kMostWaiters * 17);

struct Condition::State : shared::Object {
  explicit State(Parts parts)
      : Object(std::move(parts)), words(shared::memory_in<ConditionMemory>(memory()).words) {}

  Words& words;
};

Condition::Condition()
    : state_(shared::create_object<State>(
          {.kind = shared::Kind::condition, .bytes = sizeof(ConditionMemory)})) {}

void Condition::notify(unsigned count) const {
  static_cast<void>(state_->self("Condition::notify"));
  state_->words.notify(count);
}

void Condition::notify_all() const {
  static_cast<void>(state_->self("Condition::notify_all"));
  state_->words.notify_all();
}

// --- one wait -----------------------------------------------------------------------------------

Condition::Wait::Wait(const Condition& condition) : state_(condition.state_) {
  const std::optional<Words::Place> place = state_->words.enter(state_->self("Condition::wait"));
  if (!place) {
    throw ResourceError("Condition::wait: " + std::to_string(kMostWaiters) +
                        " threads wait for this condition already, the most there may be");
  }
  slot_ = place->slot;
  word_ = place->waiting;
}

// Who could not have the lock has taken no notice: another shall.
Condition::Wait::~Wait() {
  if (!is_over_ && state_->words.leave({slot_, word_})) state_->words.notify(1);
}

void Condition::Wait::sleep(Duration timeout) {
  const Words::Place place{slot_, word_};
  const base::Deadline deadline = base::Deadline::in(timeout);
  while (!state_->words.is_notified(place) && !deadline.is_past()) {
    state_->words.sleep(place, shared::Object::second_look(deadline));
    if (state_->words.is_notified(place) || state_->is_hub_alive()) continue;
    has_hub_died_ = true;
    return;
  }
}

bool Condition::Wait::end() {
  is_over_ = true;
  const bool was_notified = state_->words.leave({slot_, word_});
  if (has_hub_died_ && !was_notified) shared::fail_for_hub(*state_, "Condition::wait");
  return was_notified;
}

// --- handles ------------------------------------------------------------------------------------

void Codec<Condition>::encode(Writer& writer, const Condition& condition) {
  condition.state_->encode(writer);
}

Condition Codec<Condition>::decode(Reader& reader) {
  return Condition(shared::receive_object<Condition::State>(reader, shared::Kind::condition));
}

}  // namespace shoal
