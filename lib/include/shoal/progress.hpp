// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "shoal/duration.hpp"
#include "shoal/future.hpp"
#include "shoal/item_encoder.hpp"

namespace shoal {

/// How progress is shown.
struct ProgressOptions {
  /// What to call it, in front of the bar.
  std::string label = {};
  /// Where to: a bar if it is a terminal, else a line now and then.
  std::FILE* stream = stderr;
};

/// Shows how far something has come, from its construction until all is done or it is destroyed: on
/// a terminal a bar with rate and remaining time, ten times a second at most; elsewhere a line for
/// each further tenth, at most one a second, one after 10 s in any case, and one at the end. Of
/// nothing, nothing is shown.
///
///     Progress progress(futures);
///     for (Future<int>& future : futures) use(future.get());
///
/// It is drawn by the notifier thread, so that it stands still while a callback of yours runs.
/// Futures that are done are let go of. Safe from many threads. In a forked copy of its process it
/// does nothing. Source: tqdm.
class [[nodiscard]] Progress {
 public:
  /// Of `total` steps, which advance() counts.
  /// @throws ResourceError  the notifier thread could not be had
  Progress(std::string label, std::size_t total, std::FILE* stream = stderr);

  /// Of futures: of a range of them, those that are done.
  template <std::ranges::input_range Futures>
  requires(std::derived_from<std::ranges::range_value_t<Futures>,
                             internal::FutureBase>) explicit Progress(Futures&& futures,
                                                                      ProgressOptions options = {})
      : Progress(std::move(options), to_watch(futures)) {}

  /// Of steps whose number nobody knows: without a bar, until it is destroyed.
  static Progress unbounded(std::string label, std::FILE* stream = stderr);

  Progress(Progress&&) noexcept = default;
  Progress& operator=(Progress&& other) noexcept;
  /// Ends the line; waits for nothing.
  ~Progress();

  /// Counts steps. Cost: one addition.
  void advance(std::size_t count = 1) noexcept;

  /// Waits until all futures are done; false if `timeout` passed first. Of steps, at once.
  bool wait(Duration timeout = forever);

  /// Where steps are counted, for those who outlive it.
  const std::shared_ptr<std::atomic<std::size_t>>& counter() const noexcept { return counter_; }

 private:
  class State;

  Progress() = default;
  Progress(ProgressOptions options, std::vector<internal::FutureBase> futures);
  void begin(ProgressOptions options, std::size_t total, std::vector<internal::FutureBase> futures);
  template <class Futures>
  static std::vector<internal::FutureBase> to_watch(Futures& futures) {
    std::vector<internal::FutureBase> watched;
    for (auto&& future : futures) watched.push_back(future);
    return watched;
  }

  std::shared_ptr<std::atomic<std::size_t>> counter_ =
      std::make_shared<std::atomic<std::size_t>>(0);
  std::shared_ptr<State> state_;
};

namespace internal {

/// Begins to show, on stderr, how far a map is whose elements are in `batches`; none without a
/// label. It is drawn for as long as what this returns lives, which goes with the results.
std::shared_ptr<Progress> show_map(const std::string& label, std::vector<ItemBatch>& batches);

}  // namespace internal
}  // namespace shoal
