// SPDX-License-Identifier: Apache-2.0
#include "shoal/event.hpp"

#include "shared/lock_state.hpp"
#include "shared/object.hpp"
#include "shared/sync_layouts.hpp"

namespace shoal {

using shared::EventMemory;

struct Event::State : shared::Object {
  explicit State(Parts parts)
      : Object(std::move(parts)), word(shared::memory_in<EventMemory>(memory()).word) {}

  sync::Event<sync::Hardware>& word;
};

Event::Event()
    : state_(shared::create_object<State>(
          {.kind = shared::Kind::event, .bytes = sizeof(EventMemory)})) {}

void Event::set() const {
  static_cast<void>(state_->self("Event::set"));
  state_->word.set();
}

void Event::clear() const {
  static_cast<void>(state_->self("Event::clear"));
  state_->word.clear();
}

bool Event::is_set() const {
  static_cast<void>(state_->self("Event::is_set"));
  return state_->word.is_set();
}

bool Event::wait_for(Duration timeout) const {
  State& state = *state_;
  static_cast<void>(state.self("Event::wait"));
  const base::Deadline deadline = base::Deadline::in(timeout);
  for (const auto begun = state.word.begin(); !state.word.is_past(begun);) {
    if (deadline.is_past()) return false;
    state.word.sleep(begun, shared::Object::second_look(deadline));
    if (state.word.is_past(begun)) return true;
    if (!state.is_hub_alive()) shared::fail_for_hub(state, "Event::wait");
  }
  return true;
}

void Codec<Event>::encode(Writer& writer, const Event& event) { event.state_->encode(writer); }

Event Codec<Event>::decode(Reader& reader) {
  return Event(shared::receive_object<Event::State>(reader, shared::Kind::event));
}

}  // namespace shoal
