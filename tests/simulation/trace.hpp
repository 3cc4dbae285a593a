// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace shoal::pool::simulation {

/// What has happened in one history. Cheap to write: words are put together only when it is read.
class Trace {
 public:
  static constexpr unsigned kNobody = ~0U;

  void clear() noexcept { lines_.clear(); }
  void note(std::int64_t now, const char* event, unsigned worker, unsigned task) {
    lines_.push_back({now, event, worker, task});
  }
  /// The last `most` events, a line each.
  std::string last(std::size_t most) const;

 private:
  struct Line {
    std::int64_t now;
    const char* event;
    unsigned worker;
    unsigned task;
  };
  std::vector<Line> lines_;
};

}  // namespace shoal::pool::simulation
