// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "shoal/duration.hpp"

namespace shoal::pool {

/// How far something has come.
struct ProgressLook {
  static constexpr std::size_t kUnknown = ~std::size_t{0};

  std::string label = {};
  std::size_t done = 0;
  std::size_t total = 0;  ///< kUnknown: nobody knows
  Duration elapsed = Duration::zero();
  bool has_ended = false;  ///< nothing more comes: no time is left to tell
};

/// A line for a terminal of `width` columns; fills it but for the last, so that it never wraps:
/// "label:  42% [####------] 420/1000, 1234/s, 0:01, 0:02 left".
/// Where the total is unknown there is no bar.
std::string progress_bar(const ProgressLook& look, unsigned width);

/// A line for a file: "label: 420/1000 (42%), 1234/s, 0:01, 0:02 left"; "label: 420, 1234/s, 0:01"
/// where the total is unknown.
std::string progress_line(const ProgressLook& look);

/// What a terminal or a reader of a log would take for a command becomes a blank.
std::string printable(std::string text);

/// Decides when something that is no terminal gets a line.
class LinePolicy {
 public:
  bool is_due(const ProgressLook& look) noexcept;
  /// At the end: has the last line said less than that?
  bool is_due_at_end(const ProgressLook& look) const noexcept {
    return !has_said_ || look.done != said_;
  }

 private:
  std::size_t said_ = 0;
  bool has_said_ = false;
  Duration said_at_ = Duration::zero();
};

}  // namespace shoal::pool
