// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "shoal/function.hpp"

// What may run after a task, with its value.
namespace shoal::internal {

template <class F, class T>
struct Successor {
  static constexpr bool is_shaped = TaskShaped<F, T>;
  using Arguments = Types<T>;
};
template <class F>
struct Successor<F, void> {
  static constexpr bool is_shaped = TaskShaped<F>;
  using Arguments = Types<>;
};

/// True for what has the shape of a call with a T; with nothing, if T is void.
template <class F, class T>
concept Succeeds = Successor<F, T>::is_shaped;

template <class F, class... Args>
auto successor_result(Types<Args...>) -> std::type_identity<task_result_t<F, Args...>>;
template <class F, class T>
using successor_result_t =
    typename decltype(successor_result<F>(typename Successor<F, T>::Arguments{}))::type;

template <class F, class... Args>
CallTarget plain_target(const F& fn, Types<Args...>) {
  using Signature = typename CallOf<F, Args...>::Plain;
  return target_of<F, Signature>(fn);
}
template <class F, class... BoundArgs, class... Args>
CallTarget plain_target(const Bound<F, BoundArgs...>& bound, Types<Args...>) {
  return plain_target(bound.function(), Types<const BoundArgs&..., Args...>{});
}

template <class F, class... Args>
CallTarget checked_target(const F& fn, Types<Args...> arguments) {
  require_task<F, Args...>();
  if constexpr (TaskCallable<F, Args...>) {
    return plain_target(fn, arguments);
  } else {
    return {};
  }
}

/// What is called with a T, before there is one.
/// @throws std::invalid_argument  `fn` is null
template <class T, class F>
CallTarget successor_target(const F& fn) {
  return checked_target(fn, typename Successor<F, T>::Arguments{});
}

}  // namespace shoal::internal
