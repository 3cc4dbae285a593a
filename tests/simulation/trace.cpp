// SPDX-License-Identifier: Apache-2.0
#include "simulation/trace.hpp"

#include <algorithm>

namespace shoal::pool::simulation {

std::string Trace::last(std::size_t most) const {
  const std::size_t skipped = lines_.size() - std::min(most, lines_.size());
  std::string text;
  if (skipped > 0) text = "  (" + std::to_string(skipped) + " events before)\n";
  for (std::size_t i = skipped; i < lines_.size(); ++i) {
    const Line& line = lines_[i];
    text += "  " + std::to_string(line.now) + " ns: ";
    if (line.worker != kNobody) text += "worker " + std::to_string(line.worker) + " ";
    text += line.event;
    if (line.task != kNobody) text += " task " + std::to_string(line.task);
    text += '\n';
  }
  return text;
}

}  // namespace shoal::pool::simulation
