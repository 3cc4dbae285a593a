// SPDX-License-Identifier: Apache-2.0
#include "simulation/histories.hpp"

#include <cstdlib>
#include <limits>
#include <ostream>

#include "simulation/limited_world.hpp"
#include "simulation/world.hpp"

namespace shoal::pool::simulation {
namespace {

using Run = std::string (*)(std::uint64_t, Trace&, Tally&);

std::optional<Finding> run_all(Run run, std::uint64_t first, std::uint64_t count, Tally& tally) {
  constexpr std::size_t kLines = 60;
  Trace trace;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    std::string rule = run(seed, trace, tally);
    if (!rule.empty()) return Finding{seed, std::move(rule), trace.last(kLines)};
  }
  return std::nullopt;
}

Finding replay_with(Run run, std::uint64_t seed) {
  Trace trace;
  Tally tally;
  std::string rule = run(seed, trace, tally);
  return {seed, std::move(rule), trace.last(std::numeric_limits<std::size_t>::max())};
}

}  // namespace

std::optional<Finding> run_histories(std::uint64_t first, std::uint64_t count, Tally& tally) {
  return run_all(run_history, first, count, tally);
}

std::optional<Finding> run_limited_histories(std::uint64_t first, std::uint64_t count,
                                             Tally& tally) {
  return run_all(run_limited_history, first, count, tally);
}

Finding replay(std::uint64_t seed) { return replay_with(run_history, seed); }

Finding replay_limited(std::uint64_t seed) { return replay_with(run_limited_history, seed); }

std::optional<std::uint64_t> number_in(const char* variable) {
  const char* const text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): one thread
  if (text == nullptr) return std::nullopt;
  return std::strtoull(text, nullptr, 0);
}

std::ostream& operator<<(std::ostream& out, const Finding& finding) {
  return out << finding.trace << "seed " << finding.seed << ": "
             << (finding.rule.empty() ? "no rule is broken" : "broken: " + finding.rule)
             << "\nTo see it again: SHOAL_SIMULATION_SEED=" << finding.seed << " <program>\n";
}

std::ostream& operator<<(std::ostream& out, const Tally& tally) {
  return out << tally.histories << " histories, " << tally.steps << " steps, " << tally.events
             << " events\n"
             << tally.tasks << " tasks: " << tally.prefetched << " times prefetched, "
             << tally.revocations << " times taken back (" << tally.stalls << " from stalled), "
             << tally.requeued << " times returned by a death, " << tally.lost << " lost, "
             << tally.cancelled << " cancelled, " << tally.broken << " failed with their pool\n"
             << "options: " << tally.retried << " further attempts, " << tally.timed_out
             << " timed out, " << tally.expired << " expired\n"
             << "maps: " << tally.parts << " parts split off, " << tally.dropped << " dropped\n"
             << "workers: " << tally.starts << " replaced, " << tally.deaths << " ended, "
             << tally.stops << " times stopped, " << tally.lies << " lies\n";
}

}  // namespace shoal::pool::simulation
