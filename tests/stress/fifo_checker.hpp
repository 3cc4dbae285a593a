// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "channel/ring.hpp"

namespace shoal::test {

enum class Act : std::uint32_t { put, get, close };

/// What somebody did with a queue, between two moments.
struct Deed {
  Act act = Act::put;
  channel::Passage outcome = channel::Passage::done;
  std::uint64_t value = 0;  ///< what was put or got
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  ///< 0: it died over it, and may or may not have done it
};

/// The deeds of each party, in its order.
using History = std::vector<std::vector<Deed>>;

/// Whether a queue of at most `limit` messages, first in, first out, can have done all that at one
/// moment each, between the begin and the end of every deed. Searches for such an order and never
/// looks at the same state twice. Source: Wing and Gong, "Testing and verifying concurrent
/// objects".
bool is_linearizable(const History& history, std::size_t limit);

}  // namespace shoal::test
