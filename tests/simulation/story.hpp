// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "pool/task.hpp"

namespace shoal::pool::simulation {

/// What a task must come to. Decided by what happened in the world, before the dispatcher is told.
enum class Verdict : std::uint8_t {
  open,
  value,
  exception,
  no_room,     ///< there was a result, but this process could not take it
  lost,        ///< it had started with a worker that ended
  impossible,  ///< no worker could get it
  cancelled,
  broken,  ///< the pool was broken
};

/// One element of a map.
struct Element {
  Verdict verdict = Verdict::open;
  unsigned runs = 0;
  /// Its worker was ended for a lie: what had run of its part is not known.
  bool is_lied_about = false;
};

/// All that one call of map() submits.
struct Map {
  std::vector<Element> elements;
  TaskRef first;
  bool is_dropped = false;
};

/// One task from its submission to its end, as it really was. A part of a map is one too; the
/// dispatcher makes more of these.
struct Story {
  TaskRef task;
  unsigned number = 0;    ///< in the order of submission
  unsigned function = 0;  ///< which of the scenario's
  Verdict verdict = Verdict::open;
  unsigned runs = 0;           ///< how often user code has begun
  unsigned announcements = 0;  ///< how often its final status was set
  Task::Status final_status = Task::Status::queued;
  Map* map = nullptr;
  std::size_t first = 0;         ///< of its elements in the map
  std::size_t count = 0;         ///< how many it has
  std::size_t done = 0;          ///< how many of these have a value
  std::size_t rest_count = 0;    ///< it has ended early: elements that it left
  bool may_run_dropped = false;  ///< it had started when its map was dropped
  /// It was with a worker that lied about what it had started: it may run twice.
  bool is_lied_about = false;

  Element& element(std::size_t index) const { return map->elements[first + index]; }
  /// User code has begun, and the pool could know.
  bool has_run() const {
    if (map == nullptr) return runs > 0 && !is_lied_about;
    for (std::size_t i = 0; i < count; ++i) {
      if (element(i).runs > 0 && !element(i).is_lied_about) return true;
    }
    return false;
  }
  void lie_about() {
    is_lied_about = true;
    for (std::size_t i = 0; map != nullptr && i < count; ++i) element(i).is_lied_about = true;
  }
};

/// What the pool can know of a function's run times: the plain reading of TRAPS 10.
struct KnownTimes {
  std::array<std::uint32_t, 16> last{};
  std::size_t runs = 0;
  std::size_t longest = 1;  ///< run, in elements

  void record(std::uint32_t nanoseconds, std::size_t items) {
    longest = std::max(longest, items);
    last[runs++ % last.size()] = static_cast<std::uint32_t>((nanoseconds + items - 1) / items);
  }
  std::uint32_t slowest() const {
    return runs == 0 ? RunTimes::kUnknown : *std::max_element(last.begin(), last.end());
  }
};

}  // namespace shoal::pool::simulation
