// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/ring_witness.hpp"

namespace shoal::model {

/// Who puts and gets how much through how small a ring, and what is wrong with it.
struct RingPlan {
  unsigned producers = 2;
  unsigned consumers = 2;
  unsigned messages = 2;   ///< of each producer
  unsigned long_ones = 0;  ///< a bit for each of them: it takes three chunks
  channel::RingSize size{.cells = 2, .limit = 1, .chunks = 4};
  bool closes = false;    ///< somebody closes the ring
  bool counts = false;    ///< somebody counts
  bool is_mortal = true;  ///< users, and who recovers, may be killed
  bool is_exact = false;  ///< no load is old: what is said must be true at some moment
  unsigned looks = 3;     ///< how often one tries again

  Sabotage sabotage{};
  bool frees_before_read = false;
  bool frees_first_chunk_first = false;
  bool recovers_links_at_once = false;
  bool closes_by_flag = false;
};

inline constexpr channel::RingSize kSmall{.cells = 4, .limit = 2, .chunks = 5};

inline constexpr RingPlan kShortOnes{.messages = 2, .size = {.cells = 2, .limit = 1, .chunks = 4}};
inline constexpr RingPlan kLongOnes{
    .messages = 2, .long_ones = 1, .size = {.cells = 4, .limit = 3, .chunks = 6}};
inline constexpr RingPlan kClosed{.messages = 2, .size = kSmall, .closes = true};
inline constexpr RingPlan kExact{
    .messages = 2, .size = {.cells = 4, .limit = 2, .chunks = 6}, .counts = true, .is_exact = true};
inline constexpr RingPlan kExactClosed{
    .messages = 2, .size = kSmall, .closes = true, .counts = true, .is_exact = true};
/// Round and round a ring of two cells.
inline constexpr RingPlan kManyRounds{
    .messages = 5, .size = {.cells = 2, .limit = 1, .chunks = 4}, .looks = 6};

}  // namespace shoal::model
