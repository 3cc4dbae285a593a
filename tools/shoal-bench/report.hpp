// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "measurement.hpp"

namespace bench {

/// What one benchmark gave: for each row a value of each repetition; none where it failed.
struct Outcome {
  Benchmark benchmark;
  std::map<std::string, std::vector<std::optional<double>>> values;  ///< by the row's name

  void add(const Measurement& measurement, const std::optional<Figures>& figures);
};

/// Prints rows and goals: a line of min, median and max each. A goal's line is about the ratio,
/// taken within each repetition.
void print_table(const Outcome& outcome);

/// The same as JSON, with every single value.
nlohmann::ordered_json to_json(const Outcome& outcome);

}  // namespace bench
