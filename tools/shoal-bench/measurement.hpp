// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace bench {

/// How much is run: --quick only looks whether everything still works.
struct Scale {
  bool is_quick = false;

  template <class T>
  T pick(T full, T quick) const {
    return is_quick ? quick : full;
  }
};

/// What one measurement found, in the order of its rows.
using Figures = std::vector<double>;

/// One line of the table.
struct Row {
  std::string name;
  std::string unit;
};

/// One contestant. It runs in a process of its own, so that no measurement meets the threads, the
/// heap or the workers of another.
struct Measurement {
  using Function = Figures (*)(const Scale&);

  std::string name;       ///< what the child is told to measure: "s1.shoal"
  std::vector<Row> rows;  ///< one for each figure
  Function measure = {};  ///< none: cpython.py, or shoal-bench-openmpi, knows it by its name
};

enum class Bound { at_least, at_most };

/// What a row must reach: `factor` times the row `other` of the same repetition, or, where there is
/// no other, `factor` itself.
struct Goal {
  std::string text;
  std::string row;
  Bound bound;
  double factor;
  std::string other = {};
};

/// One line of the goals: S1, S2, …
struct Benchmark {
  std::string id;
  std::string title;
  std::vector<Measurement> measurements;
  std::vector<Goal> goals;
};

/// Lists all there is, in the order in which it is run.
std::vector<Benchmark> catalogue();

}  // namespace bench
