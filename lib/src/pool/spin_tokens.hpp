// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

namespace shoal::pool {

/// Shares out the right to poll: of the leader and the workers without tasks, at most `count` poll
/// at once. A poller too many takes the CPU from somebody with work: one on two CPUs costs nine
/// tenths of the throughput. The leader comes first, then the workers that were used last; the
/// others sleep at once. Under the engine's lock.
///
/// `Worker` has allow_spin(bool) and has_tasks().
template <class Worker>
class SpinTokens {
 public:
  explicit SpinTokens(unsigned count) : count_(count) { holders_.reserve(count); }

  /// `worker` is given a task: it may poll once that is done.
  void use(Worker& worker) {
    if (count_ == 0 || (!holders_.empty() && holders_.back() == &worker)) return;
    const auto at = std::find(holders_.begin(), holders_.end(), &worker);
    if (at != holders_.end()) {
      holders_.erase(at);
    } else {
      if (holders_.size() == count_) take_from(holders_.begin());
      worker.allow_spin(true);
    }
    holders_.push_back(&worker);
  }

  /// A leader begins to poll, or goes on; false if there is no token for it.
  bool lead() {
    if (count_ == 0) return false;
    const auto is_idle = [](const Worker* worker) { return !worker->has_tasks(); };
    // One with tasks works; at its next idle moment the leader is here again.
    while (static_cast<unsigned>(std::count_if(holders_.begin(), holders_.end(), is_idle)) >=
           count_) {
      take_from(std::find_if(holders_.begin(), holders_.end(), is_idle));
    }
    return true;
  }

  /// `worker` ends.
  void forget(const Worker& worker) { std::erase(holders_, &worker); }

 private:
  void take_from(typename std::vector<Worker*>::iterator holder) {
    (*holder)->allow_spin(false);
    holders_.erase(holder);
  }

  unsigned count_;
  std::vector<Worker*> holders_;  // the one used last at the back
};

}  // namespace shoal::pool
