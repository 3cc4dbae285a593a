// SPDX-License-Identifier: Apache-2.0
#include "simulation/fake_worker.hpp"

namespace shoal::pool::simulation {

bool FakeMailbox::publish() {
  if (is_gate_forged_) return false;
  limit_ = entries_.size();
  return true;
}

bool FakeMailbox::take_back() {
  if (is_gate_forged_ || limit_ == next_ || limit_ == collected_) return false;
  --limit_;
  entries_.pop_back();
  return true;
}

FakeMailbox::Look FakeMailbox::peek(std::uint64_t expected) const {
  if (!has_news()) return Look::nothing;
  if (completions_.size() > limit_) return Look::violation;
  return found().ticket == expected ? Look::completion : Look::violation;
}

bool FakeMailbox::is_taken(const Story& story) const {
  for (std::size_t i = collected_; i < next_; ++i) {
    if (entries_[i].story == &story) return true;
  }
  return false;
}

bool FakeMailbox::holds(const Story& story) const {
  return std::ranges::any_of(entries_, [&](const auto& entry) { return entry.story == &story; });
}

bool FakeMailbox::has_revocable() const {
  return !is_gate_forged_ && entries_.size() > std::max(next_, collected_ + 1);
}

std::uint64_t FakeMailbox::prefetched_ns() const {
  std::uint64_t sum = 0;
  for (std::size_t i = collected_ + 1; i < entries_.size(); ++i) sum += entries_[i].expected_ns;
  return sum;
}

}  // namespace shoal::pool::simulation
