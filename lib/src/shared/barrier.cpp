// SPDX-License-Identifier: Apache-2.0
#include "shoal/barrier.hpp"

#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "serial/sent_call.hpp"
#include "shared/lock_state.hpp"
#include "shared/object.hpp"
#include "shared/sync_layouts.hpp"
#include "shoal/error.hpp"

namespace shoal {

using shared::BarrierMemory;
using Words = sync::Barrier<sync::Hardware>;

namespace {

constexpr const char* kCall = "Barrier::arrive_and_wait";

using Action = std::shared_ptr<const serial::SentCall>;

Action sent(const BoundTask& action) {
  return action ? std::make_shared<const serial::SentCall>(action) : nullptr;
}

}  // namespace

struct Barrier::State : shared::Object {
  explicit State(Parts parts)
      : Object(std::move(parts)),
        header(shared::memory_in<BarrierMemory>(memory())),
        parties(header.parties.load(std::memory_order_relaxed)),
        words(header.words, BarrierMemory::slots(memory(), parties)) {
    if (parties != 0 && BarrierMemory::slots(memory(), parties).size() == parties) return;
    throw CodecError("a Barrier arrived that is too small for its parties");
  }
  State(Parts parts, unsigned count, Duration timeout, Action what)
      : State(begun(std::move(parts), count, timeout)) {
    set_action(std::move(what));
  }

  static Parts begun(Parts parts, unsigned count, Duration timeout) {
    std::byte* const memory = parts.file.mapping->data() + shared::kHeaderBytes;
    auto& header = *reinterpret_cast<BarrierMemory*>(memory);
    header.parties.store(count, std::memory_order_relaxed);
    header.timeout.store(timeout.count(), std::memory_order_relaxed);
    return parts;
  }

  std::size_t wait(base::Deadline deadline);
  Words::Arrival arrive(base::Deadline deadline);
  void act(const Words::Arrival& arrival);
  Words::Outcome await_others(const Words::Arrival& arrival, base::Deadline deadline);
  [[noreturn]] void fail(const char* why) const {
    throw BrokenBarrierError(std::string(kCall) + ": " + why);
  }

  // Each handle that arrives brings it along; all bring the same.
  void set_action(Action what) {
    const std::lock_guard guard(mutex);
    action = std::move(what);
  }
  Action get_action() {
    const std::lock_guard guard(mutex);
    return action;
  }

  BarrierMemory& header;
  const unsigned parties;
  Words words;

 private:
  std::mutex mutex;  // guards action
  Action action;
};

Barrier::Barrier(unsigned parties, BoundTask action, Duration timeout) {
  if (parties == 0 || parties > kMostParties) {
    throw std::invalid_argument("Barrier: " + std::to_string(parties) +
                                " parties; there can be 1 to " + std::to_string(kMostParties));
  }
  const std::size_t bytes = sizeof(BarrierMemory) + parties * sizeof(BarrierMemory::Slot);
  state_ = shared::create_object<State>({.kind = shared::Kind::barrier, .bytes = bytes}, parties,
                                        timeout, sent(action));
}

// --- waiting ------------------------------------------------------------------------------------

std::size_t Barrier::arrive_and_wait() const {
  return wait_for(Duration(state_->header.timeout.load(std::memory_order_relaxed)));
}

std::size_t Barrier::wait_for(Duration timeout) const {
  return state_->wait(base::Deadline::in(timeout));
}

std::size_t Barrier::State::wait(base::Deadline deadline) {
  const Words::Arrival arrival = arrive(deadline);
  if (arrival.is_last(parties)) {
    act(arrival);
  } else if (await_others(arrival, deadline) == Words::Outcome::broken) {
    fail("the barrier broke: a party died or waited too long, or abort() or reset() was called");
  }
  return arrival.index;
}

Words::Arrival Barrier::State::arrive(base::Deadline deadline) {
  const sync::ParticipantId me = self(kCall);
  Words::Arrival arrival;
  const shared::Awaited awaited = await(words.changes(), deadline, [&] {
    arrival = words.arrive(me);
    return arrival.state != Words::State::full;
  });
  if (awaited == shared::Awaited::hub_died) shared::fail_for_hub(*this, kCall);
  if (awaited == shared::Awaited::timed_out) {
    words.break_open(arrival.generation);
    fail("the party before this one took too long; the barrier is broken now");
  }
  if (arrival.state == Words::State::broken) fail("the barrier is broken; call reset()");
  return arrival;
}

void Barrier::State::act(const Words::Arrival& arrival) {
  try {
    if (const Action what = get_action()) what->call();
  } catch (...) {
    words.break_open(arrival.generation);
    throw;
  }
  if (!words.pass(arrival.generation)) fail("abort() or reset() was called, or a party left");
}

Words::Outcome Barrier::State::await_others(const Words::Arrival& arrival,
                                            base::Deadline deadline) {
  Words::Outcome outcome = Words::Outcome::pending;
  const shared::Awaited awaited = await(words.changes(), deadline, [&] {
    outcome = words.outcome(arrival.generation);
    return outcome != Words::Outcome::pending;
  });
  if (awaited == shared::Awaited::hub_died) shared::fail_for_hub(*this, kCall);
  if (awaited == shared::Awaited::yes) return outcome;
  words.break_open(arrival.generation);  // unless the last one came in this very moment
  return words.outcome(arrival.generation);
}

// --- the rest -----------------------------------------------------------------------------------

void Barrier::abort() const {
  static_cast<void>(state_->self("Barrier::abort"));
  state_->words.abort();
}

void Barrier::reset() const {
  static_cast<void>(state_->self("Barrier::reset"));
  state_->words.reset();
}

unsigned Barrier::parties() const { return state_->parties; }

unsigned Barrier::n_waiting() const {
  static_cast<void>(state_->self("Barrier::n_waiting"));
  return state_->words.waiting();
}

bool Barrier::broken() const {
  static_cast<void>(state_->self("Barrier::broken"));
  return state_->words.is_broken();
}

namespace {

// It names code by its place in a program, which is for one's own parent alone to do.
[[noreturn]] void fail_action() {
  throw CodecError(
      "a Barrier with an action arrived in a message or a result; hand it to the process or the "
      "task as an argument, or make it without an action");
}

}  // namespace

void Codec<Barrier>::encode(Writer& writer, const Barrier& barrier) {
  const Action action = barrier.state_->get_action();
  barrier.state_->encode(writer);
  writer.put(action != nullptr);
  if (action) action->put(writer);
}

Barrier Codec<Barrier>::decode(Reader& reader) {
  auto state = shared::receive_object<Barrier::State>(reader, shared::Kind::barrier);
  if (reader.get<bool>()) {
    auto action = std::make_shared<const serial::SentCall>(reader);
    if (!state->get_action()) {
      if (!reader.may_name_code()) fail_action();
      state->set_action(std::move(action));
    }
  }
  return Barrier(std::move(state));
}

}  // namespace shoal
