// SPDX-License-Identifier: Apache-2.0
#include "model/explorer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace shoal::model {
namespace {

Machine::Outcome run_once(Scenario& scenario, Chooser& chooser) {
  scenario.machine().reset();
  scenario.prepare();
  Machine::Outcome outcome = scenario.machine().run(chooser);
  if (outcome.failure.empty()) outcome.failure = scenario.check();
  return outcome;
}

// Runs the execution that failed once more, and writes it down.
std::string explain(Scenario& scenario, Chooser& chooser) {
  scenario.machine().start_trace();
  chooser.repeat();
  const Machine::Outcome outcome = run_once(scenario, chooser);
  std::string text = outcome.failure + "\n  again: " + chooser.describe() + "\n";
  for (const std::string& line : scenario.machine().trace()) text += line + "\n";
  return text;
}

void replace(std::uint64_t& value, const char* variable) {
  if (const char* text = std::getenv(variable)) value = std::strtoull(text, nullptr, 10);
}

void report(Scenario& scenario, Chooser& chooser, const char* name) {
  const auto start = std::chrono::steady_clock::now();
  const Findings found = explore(scenario, chooser);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf(
      "%s: %llu executions, %llu steps (at most %u), %llu deaths before %zu steps, %.1f s\n", name,
      static_cast<unsigned long long>(found.executions),
      static_cast<unsigned long long>(found.steps), found.longest,
      static_cast<unsigned long long>(found.deaths), scenario.machine().death_points(),
      took.count());
  if (found.failure.empty()) return;
  ADD_FAILURE() << name << ", execution " << found.executions << ": " << found.failure;
}

}  // namespace

Findings explore(Scenario& scenario, Chooser& chooser, std::uint64_t most) {
  Findings found;
  while (found.executions < most) {
    if (!chooser.next()) {
      found.is_complete = true;
      break;
    }
    const Machine::Outcome outcome = run_once(scenario, chooser);
    ++found.executions;
    found.steps += outcome.steps;
    found.deaths += outcome.deaths;
    found.longest = std::max(found.longest, outcome.steps);
    if (!outcome.failure.empty()) {
      found.failure = explain(scenario, chooser);
      break;
    }
  }
  return found;
}

void expect_no_failure(Scenario& scenario, const char* name, const Exhaustive::Bounds& bounds) {
  Exhaustive chooser(bounds);
  report(scenario, chooser, name);
}

void expect_no_failure(Scenario& scenario, const char* name, Random::Options options) {
  replace(options.seed, "SHOAL_MODEL_SEED");
  replace(options.first, "SHOAL_MODEL_FIRST");
  replace(options.executions, "SHOAL_MODEL_EXECUTIONS");
  Random chooser(options);
  report(scenario, chooser, name);
}

void expect_caught(Scenario& mutant, const char* name, const Random::Options& options) {
  Random chooser(options);
  const Findings found = explore(mutant, chooser);
  ASSERT_NE(found.failure, "") << "mutant " << name << ": stands after " << found.executions;
  const std::string reason = found.failure.substr(0, found.failure.find('\n'));
  std::printf("mutant %s: caught at execution %llu: %s\n", name,
              static_cast<unsigned long long>(found.executions), reason.c_str());
  if (std::getenv("SHOAL_MODEL_TRACE") != nullptr) std::puts(found.failure.c_str());
}

}  // namespace shoal::model
