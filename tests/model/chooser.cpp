// SPDX-License-Identifier: Apache-2.0
#include "model/chooser.hpp"

#include <array>

namespace shoal::model {

// --- exhaustive ---------------------------------------------------------------------------------

bool Exhaustive::next() {
  if (!is_first_) {
    while (!path_.empty() && path_.back().picked + 1 == path_.back().count) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().picked;
  }
  is_first_ = false;
  repeat();
  return true;
}

void Exhaustive::repeat() {
  depth_ = 0;
  left_ = bounds_;
}

std::string Exhaustive::describe() const {
  std::string text = "exhaustive, choices";
  for (const Choice& choice : path_) text += ' ' + std::to_string(choice.picked);
  return text;
}

unsigned Exhaustive::pick(unsigned count) noexcept {
  if (count == 1) return 0;
  if (depth_ == path_.size()) path_.push_back({0, static_cast<std::uint8_t>(count)});
  return path_[depth_++].picked;
}

unsigned Exhaustive::pick_store(unsigned count) noexcept {
  if (left_.surprises == 0) return 0;
  const unsigned picked = pick(count);
  if (picked > 0) --left_.surprises;
  return picked;
}

bool Exhaustive::pick_surprise() noexcept { return pick_store(2) != 0; }

// First the turn that costs nothing of the bounds, then those that do.
Turn Exhaustive::pick_turn(const Situation& now) noexcept {
  struct Option {
    Turn turn;
    unsigned* cost;
  };
  std::array<Option, 64> options;
  unsigned count = 0;
  const bool goes_on = (now.ready & bit(now.current)) != 0 && !now.is_giving_way;
  if (goes_on) options[count++] = {{now.current, false}, nullptr};
  // A party that cannot go on gives its turn to any other; one that polls, to the next in the ring
  // (to let any other have it would starve the rest for ever).
  for (unsigned i = 1; i <= 32; ++i) {
    const unsigned party = (now.current + i) % 32;
    if ((now.ready & bit(party)) == 0 || (goes_on && party == now.current)) continue;
    const bool is_free = !goes_on && (count == 0 || !now.is_giving_way);
    if (!is_free && left_.preemptions == 0) continue;
    options[count++] = {{party, false}, is_free ? nullptr : &left_.preemptions};
  }
  for (unsigned party = 0; party < 32; ++party) {
    const bool is_doomed = (now.doomed & bit(party)) != 0;
    const bool may_die = (now.mortal & bit(party)) != 0 && left_.deaths > 0 && now.ready != 0;
    if (!is_doomed && !may_die) continue;
    options[count++] = {{party, true}, is_doomed ? nullptr : &left_.deaths};
  }
  const Option& picked = options[pick(count)];
  if (picked.cost != nullptr) --*picked.cost;
  return picked.turn;
}

// --- random -------------------------------------------------------------------------------------

bool Random::next() {
  if (!is_first_) ++number_;
  if (number_ - options_.first == options_.executions) return false;
  is_first_ = false;
  repeat();
  return true;
}

void Random::repeat() {
  state_ = (options_.seed << 40) ^ (number_ * 0xd1342543de82ef95);
  const std::uint64_t odds = draw();
  constancy_ = static_cast<unsigned>(odds % 6);
  // Short executions and long ones have a death in every part of them: the scale is drawn first.
  const bool has_death = (odds >> 8 & 1) != 0;
  const auto scale = 3 + static_cast<unsigned>((odds >> 16) % 6);
  death_span_ = 1U << scale;
  death_step_ = has_death ? 1 + static_cast<unsigned>((odds >> 24) % death_span_) : 0;
  deaths_ = 0;
}

std::string Random::describe() const {
  return "SHOAL_MODEL_SEED=" + std::to_string(options_.seed) +
         " SHOAL_MODEL_FIRST=" + std::to_string(number_) + " SHOAL_MODEL_EXECUTIONS=1";
}

std::uint64_t Random::draw() noexcept {  // splitmix64
  state_ += 0x9e3779b97f4a7c15;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

unsigned Random::draw_member(Parties parties) noexcept {
  auto skip = static_cast<unsigned>(draw() % static_cast<unsigned>(std::popcount(parties)));
  for (; skip > 0; --skip) parties &= parties - 1;
  return static_cast<unsigned>(std::countr_zero(parties));
}

unsigned Random::pick_store(unsigned count) noexcept {
  if (options_.is_strong) return 0;
  const std::uint64_t drawn = draw();
  return (drawn & 1) != 0 ? 0 : static_cast<unsigned>((drawn >> 1) % count);
}

bool Random::pick_surprise() noexcept { return draw() >> 61 == 0; }

Turn Random::pick_turn(const Situation& now) noexcept {
  if (death_step_ != 0 && now.step >= death_step_ && now.mortal != 0) {
    const bool has_more = ++deaths_ < options_.deaths;
    death_step_ = has_more ? now.step + 1 + static_cast<unsigned>(draw() % death_span_) : 0;
    return {draw_member(now.mortal), true};
  }
  if (now.ready == 0) return {draw_member(now.doomed), true};
  const std::uint64_t odds = draw();
  if (now.doomed != 0 && odds >> 62 == 0) return {draw_member(now.doomed), true};
  const bool can_go_on = (now.ready & bit(now.current)) != 0 && !now.is_giving_way;
  if (can_go_on && (odds & ((1U << constancy_) - 1)) != 0) return {now.current, false};
  return {draw_member(now.ready), false};
}

}  // namespace shoal::model
