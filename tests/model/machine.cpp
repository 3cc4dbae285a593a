// SPDX-License-Identifier: Apache-2.0
#include "model/machine.hpp"

#include <cstdio>
#include <utility>

namespace shoal::model {

Machine::Machine() { current_ = this; }
Machine::~Machine() { current_ = nullptr; }

unsigned Machine::add_party(std::string name, Fate fate, std::function<void()> body) {
  const auto index = static_cast<unsigned>(parties_.size());
  auto party = std::make_unique<Party>();
  party->name = std::move(name);
  party->fate = fate;
  party->body = std::move(body);
  party->death = add_location();
  this->name(party->death, "death of " + party->name);
  party->fiber = std::make_unique<Fiber>([this, index] { run_party(index); });
  parties_.push_back(std::move(party));
  return index;
}

void Machine::name(Location location, std::string name) {
  if (names_.size() <= location) names_.resize(location + 1U);
  names_[location] = std::move(name);
}

void Machine::reset() {
  memory_.reset();
  ready_ = mortal_ = doomed_ = 0;
  for (unsigned i = 0; i < parties_.size(); ++i) {
    Party& party = *parties_[i];
    party.fiber->rewind();
    party.sight = {};
    party.sleeps_on = 0;
    party.steps = 0;
    party.is_dead = false;
    ready_ |= bit(i);
    if (party.fate.is_mortal) mortal_ |= bit(i);
  }
  outcome_ = {};
  trace_.clear();
}

// --- executions ---------------------------------------------------------------------------------

Machine::Outcome Machine::run(Chooser& chooser) {
  chooser_ = &chooser;
  running_ = static_cast<unsigned>(parties_.size()) - 1;
  const Turn first = chooser.pick_turn({running_, ready_, 0, 0, true, 0});
  running_ = first.party;
  Context::change(outside_, *parties_[running_]->fiber);
  if (outcome_.failure.empty()) outcome_.failure = find_failure();
  return std::move(outcome_);
}

void Machine::run_party(unsigned party) {
  parties_[party]->body();
  ready_ &= ~bit(party);
  mortal_ &= ~bit(party);
  doomed_ &= ~bit(party);
  parties_[party]->sleeps_on = 0;
  if (is_tracing_) write_trace("ends");
  bury(party);
  give_turn(false);
}

// A party that ended by itself is as dead as one that was killed.
void Machine::bury(unsigned party) {
  Party& dead = *parties_[party];
  ready_ &= ~bit(party);
  mortal_ &= ~bit(party);
  doomed_ &= ~bit(party);
  dead.sleeps_on = 0;
  dead.is_dead = true;
  dead.sight.weakness = {};
  // What it has done is done; the kernel tells of its death after it.
  memory_.store(dead.sight, dead.death, 1, std::memory_order_release);
  wake(dead.death, 32);
}

void Machine::give_turn(bool is_giving_way) {
  for (;;) {
    if (ready_ == 0 && doomed_ == 0) end_execution();
    const Situation now{running_, ready_, mortal_, doomed_, is_giving_way, outcome_.steps};
    const bool is_only_choice = ready_ == bit(running_) && mortal_ == 0 && doomed_ == 0;
    const Turn turn = is_only_choice ? Turn{running_, false} : chooser_->pick_turn(now);
    if (turn.is_death) {
      ++outcome_.deaths;
      death_points_.emplace(turn.party, parties_[turn.party]->steps);
      if (is_tracing_) trace_.push_back("       " + parties_[turn.party]->name + " dies");
      bury(turn.party);
      continue;
    }
    if (turn.party == running_) return;
    Context& from = *parties_[std::exchange(running_, turn.party)]->fiber;
    return Context::change(from, *parties_[turn.party]->fiber);
  }
}

void Machine::end_execution() { Context::change(*parties_[running_]->fiber, outside_); }

std::string Machine::find_failure() const {
  for (const auto& party : parties_) {
    if (!party->is_dead && !party->fate.may_wait_on) return party->name + " sleeps for ever";
  }
  return {};
}

void Machine::fail(std::string what) {
  outcome_.failure = std::move(what);
  end_execution();
  __builtin_unreachable();  // nobody comes back to an execution that has ended
}

// --- the trace ----------------------------------------------------------------------------------

void Machine::write_trace(const std::string& what) {
  std::array<char, 24> number;
  std::snprintf(number.data(), number.size(), "%5u  ", outcome_.steps);
  trace_.push_back(number.data() + parties_[running_]->name + " " + what);
}

void Machine::trace_access(const char* what, Location location, std::uint64_t value, unsigned age) {
  std::array<char, 80> text;
  std::snprintf(text.data(), text.size(), ": %llu%s", static_cast<unsigned long long>(value),
                age == 0 ? "" : " (an old one)");
  const std::string name = location < names_.size() && !names_[location].empty()
                               ? names_[location]
                               : "word " + std::to_string(location);
  write_trace(std::string(what) + " " + name + text.data());
}

}  // namespace shoal::model
