// SPDX-License-Identifier: Apache-2.0
#include "simulation/scenario.hpp"

#include <array>

namespace shoal::pool::simulation {
namespace {

std::uint32_t sometimes(Random& random, std::uint32_t how_often, std::uint32_t most) {
  return random.chance(how_often) ? random.between(1, most) : 0;
}

Behaviour draw_behaviour(Random& random) {
  // Around the limit of prefetch, far below it, and beyond it.
  constexpr std::array<std::uint32_t, 8> kUsual{50,     500,    3'000,  12'000,
                                                24'000, 49'000, 60'000, 2'000'000};
  return {kUsual[random.below(kUsual.size())], sometimes(random, 4000, 500), random.chance(3000)};
}

}  // namespace

Scenario::Scenario(Random& random) {
  workers = random.chance(9000) ? random.between(1, 4) : random.between(5, 8);
  tasks = random.chance(8500) ? random.between(2, 24) : random.between(60, 160);
  burst = random.chance(7000) ? random.between(1, 8) : random.between(20, 100);
  elements = 1 + (random.chance(7000) ? random.below(30) : random.below(600)) / (1 + tasks / 2);
  for (unsigned i = random.between(1, 3); i > 0; --i) functions.push_back(draw_behaviour(random));

  cancel = sometimes(random, 4000, 4000);
  close_early = sometimes(random, 3000, 300);
  is_cancelled_at_close = random.chance(4000);

  start_failure = random.chance(300) ? 10'000 : sometimes(random, 2000, 8000);
  if (random.chance(1500)) {
    shortage_begins = random.between(20, 800);
    shortage_ends = shortage_begins + random.between(100, 3000);
  }
  silent_start = sometimes(random, 1500, 4000);
  death = sometimes(random, 6000, 400);
  stop = sometimes(random, 2500, 300);
  lie = sometimes(random, 2000, 300);
  closed_channel = sometimes(random, 1500, 200);

  full = sometimes(random, 2000, 3000);
  refused = sometimes(random, 1500, 500);
  impossible = sometimes(random, 1000, 1000);
  no_room = sometimes(random, 1000, 1000);
  throwing = sometimes(random, 4000, 500);
  early_end = sometimes(random, 4000, 2000);

  user_pace = random.between(5, 60);
  worker_pace = random.between(40, 200);
  collector_pace = random.between(3, 60);
  service_pace = random.between(3, 40);
  time_pace = random.between(3, 30);
}

void Scenario::calm() {
  shortage_ends = 0;
  cancel = start_failure = silent_start = death = stop = lie = closed_channel = 0;
  full = refused = impossible = no_room = throwing = early_end = 0;
}

}  // namespace shoal::pool::simulation
