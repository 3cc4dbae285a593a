// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "simulation/random.hpp"

namespace shoal::pool::simulation {

/// How one kind of task behaves.
struct Behaviour {
  std::uint32_t nanoseconds = 0;  ///< what a run takes, give or take a quarter
  std::uint32_t surprise = 0;     ///< how often a run takes milliseconds instead
  bool is_for_maps = false;
};

/// What a history is made of. Frequencies are out of ten thousand; those of faults are for each
/// step of the one that may have them.
struct Scenario {
  /// Drawn at random: most histories have few kinds of faults, so that each meets quiet ones too.
  explicit Scenario(Random& random);
  /// Lets no new fault happen from now on.
  void calm();

  unsigned workers = 1;
  unsigned tasks = 0;
  unsigned burst = 1;     ///< the most tasks that are submitted in a row
  unsigned elements = 0;  ///< the most there are in a map
  std::vector<Behaviour> functions;

  // What users do.
  std::uint32_t cancel = 0;
  std::uint32_t close_early = 0;
  bool is_cancelled_at_close = false;

  // What becomes of workers.
  std::uint32_t start_failure = 0;
  unsigned shortage_begins = 0;  ///< the steps between which every start fails
  unsigned shortage_ends = 0;
  std::uint32_t silent_start = 0;  ///< never says hello
  std::uint32_t death = 0;
  std::uint32_t stop = 0;
  std::uint32_t lie = 0;
  std::uint32_t closed_channel = 0;

  // What becomes of a delivery or a result.
  std::uint32_t full = 0;
  std::uint32_t refused = 0;
  std::uint32_t impossible = 0;
  std::uint32_t no_room = 0;
  std::uint32_t throwing = 0;   ///< elements of maps
  std::uint32_t early_end = 0;  ///< for lack of room for results of a part

  // Who is how fast: weights of a step by a user, a worker, a collector, the service thread, time.
  std::uint32_t user_pace = 0;
  std::uint32_t worker_pace = 0;
  std::uint32_t collector_pace = 0;
  std::uint32_t service_pace = 0;
  std::uint32_t time_pace = 0;
};

}  // namespace shoal::pool::simulation
