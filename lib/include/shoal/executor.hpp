// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <ranges>
#include <vector>

#include "shoal/future.hpp"

namespace shoal {

/// What runs functions elsewhere and gives futures of what they return: ProcessPoolExecutor and its
/// like. A function template over an Executor runs on any of them:
///   template <shoal::Executor E>
///   int total(E& executor, const std::vector<int>& values) {
///     int sum = 0;
///     for (int square : executor.map([](int n) { return n * n; }, values)) sum += square;
///     return sum;
///   }
/// Source: Python concurrent.futures.Executor.
template <class E>
concept Executor = requires(E& executor, int (*function)(int), std::vector<int>& range) {
  { executor.submit(function, 1) } -> std::same_as<Future<int>>;
  { executor.map(function, range) } -> std::ranges::input_range;
  executor.shutdown();
};

}  // namespace shoal
