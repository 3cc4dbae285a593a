// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <ostream>
#include <string>
#include <type_traits>

#include "model/chooser.hpp"
#include "model/machine.hpp"

namespace shoal::model {

/// What the parties of a machine do together, and what must hold. Its constructor adds the parties.
class Scenario {
 public:
  virtual ~Scenario() = default;

  /// Before each execution: everything as it is in the beginning.
  virtual void prepare() = 0;
  /// After each execution: what is wrong, or nothing.
  virtual std::string check() = 0;

  Machine& machine() noexcept { return machine_; }

 private:
  Machine machine_;
};

/// What an exploration found.
struct Findings {
  std::uint64_t executions = 0;
  std::uint64_t steps = 0;
  std::uint64_t deaths = 0;
  unsigned longest = 0;
  bool is_complete = false;  ///< the chooser had no further execution
  std::string failure;       ///< of the last execution, with its steps
};

/// Runs executions of `scenario` until one fails, the chooser has no more, or `most` are done.
Findings explore(Scenario& scenario, Chooser& chooser, std::uint64_t most = ~std::uint64_t{0});

/// Explores, prints what was done as `name`, and fails the test if an execution does.
/// SHOAL_MODEL_SEED, SHOAL_MODEL_FIRST and SHOAL_MODEL_EXECUTIONS replace what a random search is
/// given.
void expect_no_failure(Scenario& scenario, const char* name, const Exhaustive::Bounds& bounds);
void expect_no_failure(Scenario& scenario, const char* name, Random::Options options);

/// A plan for a scenario with one thing wrong in it.
template <class Plan>
struct Mutant {
  const char* name;
  Plan plan;

  friend void PrintTo(const Mutant& mutant, std::ostream* out) { *out << mutant.name; }
};

template <class Plan>
Mutant<Plan> mutant(const char* name, Plan plan, std::type_identity_t<void (*)(Plan&)> change) {
  change(plan);
  return {name, plan};
}

/// Explores a broken variant, prints at which execution it fell, and fails the test if it stands.
/// With SHOAL_MODEL_TRACE in the environment the steps of that execution are printed, too.
void expect_caught(Scenario& mutant, const char* name, const Random::Options& options = {});

}  // namespace shoal::model
