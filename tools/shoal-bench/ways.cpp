// SPDX-License-Identifier: Apache-2.0
#include "ways.hpp"

#include <array>
#include <numeric>
#include <shoal/shoal.hpp>
#include <stdexcept>
#include <vector>

#include "host.hpp"
#include "timing.hpp"

namespace bench {
namespace {

using Numbers = std::vector<double>;

constexpr std::array<std::size_t, 3> kSizes{64, 64 << 10, 64 << 20};

Numbers ones(std::size_t bytes) { return Numbers(bytes / sizeof(double), 1.0); }

double sum_of(std::span<const double> numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), 0.0);
}

void expect_sum(double sum, std::size_t bytes) {
  if (sum != static_cast<double>(bytes / sizeof(double))) {
    throw std::runtime_error("numbers arrived with another sum");
  }
}

/// `hand_over(numbers)` gives their sum as the other process found it.
template <class HandOver>
double way_us(const Scale& scale, std::size_t bytes, HandOver hand_over) {
  const Numbers numbers = ones(bytes);
  const auto once = [&] { expect_sum(hand_over(numbers), bytes); };
  const bool is_large = bytes > (std::size_t{1} << 20);
  const std::size_t rounds = is_large ? 15 : 3000;
  median_step_us(is_large ? 3 : 300, once);  // warm
  return median_step_us(scale.pick<std::size_t>(rounds, 2), once);
}

double sum_of_vector(const Numbers& numbers) { return sum_of(numbers); }
double sum_of_array(const shoal::SharedArray<double>& numbers) { return sum_of(numbers.span()); }

/// A process that gets what this one puts, and answers with its sum.
template <class There, class Back>
class Other {
 public:
  template <class Serve>
  Other(Serve serve, There far_there, Back far_back)
      : process_(serve, far_there, far_back, two_cpus().second) {
    process_.start();
    pin_to(two_cpus().first);
  }
  ~Other() { process_.terminate(); }
  Other(const Other&) = delete;
  Other& operator=(const Other&) = delete;

 private:
  shoal::Process process_;
};

}  // namespace

Figures measure_task_way(const Scale& scale) {
  shoal::ProcessPoolExecutor pool({.max_workers = 1});
  Figures figures;
  for (const std::size_t bytes : kSizes) {
    figures.push_back(way_us(scale, bytes, [&](const Numbers& numbers) {
      return pool.submit(sum_of_vector, numbers).get();
    }));
  }
  return figures;
}

Figures measure_array_way(const Scale& scale) {
  shoal::ProcessPoolExecutor pool({.max_workers = 1});
  Figures figures;
  for (const std::size_t bytes : kSizes) {
    const shoal::SharedArray<double> array(ones(bytes));
    figures.push_back(way_us(
        scale, bytes, [&](const Numbers&) { return pool.submit(sum_of_array, array).get(); }));
  }
  return figures;
}

Figures measure_connection_way(const Scale& scale) {
  const auto [here, there] = shoal::pipe();
  const auto serve = [](const shoal::Connection& in, const shoal::Connection& out, int cpu) {
    pin_to(cpu);
    for (;;) out.send(sum_of(in.recv<Numbers>()));
  };
  const Other<shoal::Connection, shoal::Connection> other(serve, there, there);
  Figures figures;
  for (const std::size_t bytes : kSizes) {
    figures.push_back(way_us(scale, bytes, [&](const Numbers& numbers) {
      here.send(numbers);
      return here.recv<double>();
    }));
  }
  return figures;
}

Figures measure_queue_way(const Scale& scale) {
  const shoal::Queue<Numbers> there;
  const shoal::Queue<double> back;
  const auto serve = [](const shoal::Queue<Numbers>& in, const shoal::Queue<double>& out, int cpu) {
    pin_to(cpu);
    for (;;) out.put(sum_of(in.get()));
  };
  const Other<shoal::Queue<Numbers>, shoal::Queue<double>> other(serve, there, back);
  Figures figures;
  for (const std::size_t bytes : {kSizes[0], kSizes[1], kSizes[2] / 2}) {
    figures.push_back(way_us(scale, bytes, [&](const Numbers& numbers) {
      there.put(numbers);
      return back.get();
    }));
  }
  return figures;
}

Figures measure_shared_values(const Scale& scale) {
  const shoal::Value<double> value(1.0);
  const shoal::Array<double> array(16);
  const shoal::RawArray<double> raw(16);
  const shoal::Atomic<long> atomic(0);
  const auto time = [&](auto&& operation) {
    constexpr int kBatch = 1000;
    const double us = median_step_us(scale.pick<std::size_t>(300, 2), [&] {
      for (int i = 0; i < kBatch; ++i) operation(static_cast<std::size_t>(i) % 16);
    });
    return us * 1e3 / kBatch;
  };
  return {time([&](std::size_t) { static_cast<void>(value.get()); }),
          time([&](std::size_t i) { value.set(static_cast<double>(i)); }),
          time([&](std::size_t) { value.with([](double& x) { x += 1; }); }),
          time([&](std::size_t i) {
            const std::scoped_lock guard(array);
            array[i] += 1;
          }),
          time([&](std::size_t i) { raw[i] += 1; }),
          time([&](std::size_t) { atomic.fetch_add(1); })};
}

}  // namespace bench
