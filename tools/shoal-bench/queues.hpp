// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "measurement.hpp"
#include "timing.hpp"

namespace bench {

using Message = std::array<std::uint64_t, 8>;  // 64 bytes, its number in front
inline constexpr std::size_t kQueueBound = 1024;

/// S5 is measured in bursts of so many messages, the last of which comes back.
inline constexpr std::uint64_t kQueueBurst = 100'000;

inline void expect_number(const Message& message, std::uint64_t number) {
  if (message.front() != number) throw std::runtime_error("a message came out of its turn");
}

/// Of bursts, after one that brings all memory into use.
template <class Burst>
double messages_per_us(const Scale& scale, Burst burst) {
  burst();
  return static_cast<double>(kQueueBurst) / median_step_us(scale.pick<std::size_t>(15, 1), burst);
}

template <class Once>
double queue_round_trip_us(const Scale& scale, Once once) {
  const std::size_t rounds = scale.pick<std::size_t>(50'000, 500);
  median_step_us(rounds / 10, once);  // warm
  return median_step_us(rounds, once);
}

// This process and another one, each bound to a CPU of its own.
Figures measure_queue_throughput(const Scale& scale);  // S5: M messages/s
Figures measure_queue_round_trip(const Scale& scale);  // S6: us

// Boost.Interprocess message_queue, of the same bound. A process that dies in it leaves it locked.
Figures measure_boost_throughput(const Scale& scale);
Figures measure_boost_round_trip(const Scale& scale);

}  // namespace bench
