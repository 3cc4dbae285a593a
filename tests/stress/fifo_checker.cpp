// SPDX-License-Identifier: Apache-2.0
#include "stress/fifo_checker.hpp"

#include <algorithm>
#include <deque>
#include <string>
#include <unordered_set>

namespace shoal::test {
namespace {

using channel::Passage;

// The queue itself, one deed after the other.
struct Fifo {
  std::deque<std::uint64_t> messages;
  bool is_closed = false;

  // False if that cannot be what came of it now.
  bool perform(const Deed& deed, std::size_t limit) {
    if (deed.act == Act::close) return is_closed = true;
    if (deed.act == Act::put) return put(deed, limit);
    return get(deed);
  }

 private:
  bool put(const Deed& deed, std::size_t limit) {
    if (deed.end != 0 && deed.outcome == Passage::closed) return is_closed;
    const bool is_full = messages.size() == limit;
    if (deed.end != 0 && deed.outcome == Passage::no_room) return is_full && !is_closed;
    if (is_full || is_closed) return false;
    messages.push_back(deed.value);
    return true;
  }
  bool get(const Deed& deed) {
    if (deed.end != 0 && deed.outcome == Passage::closed) return messages.empty() && is_closed;
    if (deed.end != 0 && deed.outcome == Passage::empty) return messages.empty() && !is_closed;
    if (messages.empty()) return false;
    if (deed.end != 0 && messages.front() != deed.value) return false;
    messages.pop_front();
    return true;
  }
};

class Search {
 public:
  Search(const History& history, std::size_t limit)
      : history_(history), limit_(limit), done_(history.size()) {}

  // Whether what is left can be done from here.
  bool go_on(const Fifo& fifo) {
    const std::uint64_t first_end = find_first_end();
    if (first_end == kNever) return true;
    if (!seen_.insert(key_of(fifo)).second) return false;
    for (std::size_t party = 0; party < history_.size(); ++party) {
      if (done_[party] == history_[party].size()) continue;
      const Deed& next = history_[party][done_[party]];
      if (next.begin > first_end) continue;  // another had ended by then
      Fifo after = fifo;
      if (!after.perform(next, limit_)) continue;
      ++done_[party];
      if (go_on(after)) return true;
      --done_[party];
    }
    return false;
  }

 private:
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};

  std::uint64_t find_first_end() const {
    std::uint64_t first = kNever;
    for (std::size_t party = 0; party < history_.size(); ++party) {
      if (done_[party] == history_[party].size()) continue;
      const std::uint64_t end = history_[party][done_[party]].end;
      if (end != 0) first = std::min(first, end);
    }
    return first;
  }

  std::string key_of(const Fifo& fifo) const {
    std::string key(1, fifo.is_closed ? 'c' : 'o');
    const auto append = [&key](std::uint64_t number) {
      key.append(reinterpret_cast<const char*>(&number), sizeof number);
    };
    for (const std::size_t done : done_) append(done);
    for (const std::uint64_t message : fifo.messages) append(message);
    return key;
  }

  const History& history_;
  const std::size_t limit_;
  std::vector<std::size_t> done_;  // how many deeds of each party
  std::unordered_set<std::string> seen_;
};

}  // namespace

bool is_linearizable(const History& history, std::size_t limit) {
  return Search(history, limit).go_on(Fifo{});
}

}  // namespace shoal::test
