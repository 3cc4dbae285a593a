// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <tuple>
#include <type_traits>

#include "shoal/transferable.hpp"
#include "shoal/type_name.hpp"

// What may be called in another process, with which arguments, and why the rest may not.
namespace shoal {

template <class F, class... Args>
class Bound;

namespace internal {

// --- the parameters of a function --------------------------------------------------------------

template <class R, class... P>
struct Signature {
  using Result = R;
  using Parameters = Types<P...>;
  /// Without the kind of function and the arguments it is called with: one invoker serves them all.
  using Plain = Signature;
};

template <class F>
struct SignatureOf;
template <class R, class... P>
struct SignatureOf<R (*)(P...)> : Signature<R, P...> {};
template <class R, class... P>
struct SignatureOf<R (*)(P...) noexcept> : Signature<R, P...> {};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...)> : Signature<R, P...> {};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...) noexcept> : Signature<R, P...> {};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...) const> : Signature<R, P...> {};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...) const noexcept> : Signature<R, P...> {};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...)&> : Signature<R, P...> {};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...) const&> : Signature<R, P...> {};

template <class F>
concept FunctionPointer = std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>;

/// Captureless lambdas are of this kind too.
template <class F>
concept StatelessObject =
    std::is_class_v<F> && std::is_empty_v<F> && std::is_default_constructible_v<F>;

/// A function object with one `operator()`, which is no template.
template <class F>
concept HasOneCallOperator = requires {
  typename SignatureOf<decltype(&F::operator())>::Result;
};

template <class F>
concept HasSignature = requires {
  typename SignatureOf<F>::Result;
};

/// What a value becomes where no parameter says it: decayed, characters a std::string.
template <class T>
using argument_value_t = std::conditional_t<std::is_same_v<std::decay_t<T>, const char*> ||
                                                std::is_same_v<std::decay_t<T>, char*>,
                                            std::string, std::decay_t<T>>;

/// The call of F (decayed) with Args: Parameters, and Result. Undefined if there is none.
template <class F, class... Args>
struct CallOf;
template <FunctionPointer F, class... Args>
requires HasSignature<F>
struct CallOf<F, Args...> : SignatureOf<F> {
};
template <StatelessObject F, class... Args>
requires HasOneCallOperator<F>
struct CallOf<F, Args...> : SignatureOf<decltype(&F::operator())> {
};
template <StatelessObject F, class... Args>
requires(!HasOneCallOperator<F> &&
         std::is_invocable_v<F&, argument_value_t<Args>...>) struct CallOf<F, Args...>
    : Signature<std::invoke_result_t<F&, argument_value_t<Args>...>, argument_value_t<Args>...> {
};

// --- objections --------------------------------------------------------------------------------

/// Why a call cannot be sent.
enum class Objection {
  none,
  captures,
  function_wrapper,
  member_pointer,
  no_function,
  no_such_call,
  wrong_count,
  reference_parameter,
  parameter_type,
  argument_type,
  result_type,
};

template <class F>
constexpr Objection object_to_function() noexcept {
  if constexpr (std::is_member_pointer_v<F>) {
    return Objection::member_pointer;
  } else if constexpr (is_function_wrapper<F>) {
    return Objection::function_wrapper;
  } else if constexpr (FunctionPointer<F> || StatelessObject<F>) {
    return Objection::none;
  } else {
    return std::is_class_v<F> ? Objection::captures : Objection::no_function;
  }
}

template <class P>
inline constexpr bool is_in_out =
    std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>;

template <class Arg, class Value>
inline constexpr bool is_argument_for =
    std::is_same_v<std::remove_cvref_t<Arg>, Value> || std::is_convertible_v<Arg, Value>;

template <class... Args, class... P>
constexpr Objection object_to_parameters(Types<P...>, Types<Args...>) noexcept {
  if constexpr (sizeof...(P) != sizeof...(Args)) {
    return Objection::wrong_count;
  } else if constexpr ((is_in_out<P> || ...)) {
    return Objection::reference_parameter;
  } else if constexpr (!(is_transferable_v<std::remove_cvref_t<P>> && ...)) {
    return Objection::parameter_type;
  } else if constexpr (!(is_argument_for<Args, std::remove_cvref_t<P>> && ...)) {
    return Objection::argument_type;
  } else {
    return Objection::none;
  }
}

template <class Result>
constexpr bool can_return() noexcept {
  if constexpr (std::is_void_v<Result>) {
    return true;
  } else {
    return is_transferable_v<std::remove_cvref_t<Result>>;
  }
}

template <class F, class... Args>
struct Check {
  static constexpr Objection about_function() noexcept { return object_to_function<F>(); }
  static constexpr Objection objection() noexcept {
    if constexpr (about_function() != Objection::none) {
      return about_function();
    } else if constexpr (!requires { typename CallOf<F, Args...>::Result; }) {
      return Objection::no_such_call;
    } else {
      constexpr Objection about_parameters =
          object_to_parameters(typename Call::Parameters{}, Types<Args...>{});
      if constexpr (about_parameters != Objection::none) {
        return about_parameters;
      } else {
        return can_return<typename Call::Result>() ? Objection::none : Objection::result_type;
      }
    }
  }
  using Call = CallOf<F, Args...>;
};
// Bound arguments are simply the first ones.
template <class F, class... BoundArgs, class... Args>
struct Check<Bound<F, BoundArgs...>, Args...> : Check<F, const BoundArgs&..., Args...> {};

template <class F, class... Args>
inline constexpr Objection objection = Check<std::decay_t<F>, Args...>::objection();

template <Objection found, Objection... those>
inline constexpr bool is_none_of = ((found != those) && ...);

template <class F, class... Args>
inline constexpr bool captures_nothing = is_none_of<objection<F, Args...>, Objection::captures>;
template <class F, class... Args>
inline constexpr bool is_a_function = is_none_of<objection<F, Args...>, Objection::function_wrapper,
                                                 Objection::member_pointer, Objection::no_function>;
template <class F, class... Args>
inline constexpr bool takes_arguments =
    is_none_of<objection<F, Args...>, Objection::no_such_call, Objection::wrong_count,
               Objection::argument_type>;
template <class F, class... Args>
inline constexpr bool changes_none =
    is_none_of<objection<F, Args...>, Objection::reference_parameter>;
template <class F, class... Args>
inline constexpr bool sends_values =
    is_none_of<objection<F, Args...>, Objection::parameter_type, Objection::result_type>;

/// True for what has the shape of a call in another process, whatever the types of its values.
/// Compilers print the line that does not hold: its comment says what to do.
template <class F, class... Args>
concept TaskShaped =
    captures_nothing<F, Args...> &&  // pass captured values as shoal::bind(fn, values...)
    is_a_function<F, Args...> &&     // wrap std::function, &T::member in a captureless lambda
    takes_arguments<F, Args...> &&   // in number and type; default arguments do not travel
    changes_none<F, Args...>;        // take const T&, not T&, and return the new value

/// True for what can be called in another process with these arguments.
template <class F, class... Args>
concept TaskCallable = TaskShaped<F, Args...> &&
    sends_values<F, Args...>;  // parameters and result must be shoal::is_transferable_v

// --- reasons -----------------------------------------------------------------------------------

template <class... P>
constexpr void require_all_transferable(Types<P...>) noexcept {
  (require_transferable<std::remove_cvref_t<P>>(), ...);
}

/// Fails to compile, saying why F (the compiler names it) cannot be called in another process.
template <class F, Objection found>
constexpr void refuse_call() noexcept {
  static_assert(found != Objection::captures,
                "shoal: F captures variables, which stay in this process. Pass captured values as "
                "arguments: shoal::bind(fn, values...), or submit(fn, values...).");
  static_assert(
      found != Objection::function_wrapper,
      "shoal: a std::function hides which function it calls. Pass the function itself, or "
      "wrap it in a captureless lambda.");
  static_assert(found != Objection::member_pointer,
                "shoal: a pointer to a member cannot be sent. Wrap it in a captureless lambda: "
                "[](const T& object) { return object.member(); }.");
  static_assert(found != Objection::no_function,
                "shoal: F is no function, captureless lambda, stateless function object or "
                "shoal::bind(fn, values...).");
  static_assert(
      found != Objection::no_such_call,
      "shoal: F cannot be called with copies of these arguments. Wrap it in a captureless "
      "lambda that says its parameters.");
  static_assert(found != Objection::wrong_count,
                "shoal: F takes another number of arguments. Default arguments do not travel: wrap "
                "the call in a captureless lambda.");
  static_assert(found != Objection::reference_parameter,
                "shoal: F has a parameter T&, and what it writes there would be lost in the other "
                "process. Take it by value or const T&, and return the new value.");
  static_assert(found != Objection::argument_type,
                "shoal: an argument does not convert to the parameter of F at its place.");
}

/// Fails to compile, with the reason, if F is nothing that can be called in another process.
template <class F>
constexpr void require_function() noexcept {
  refuse_call<std::decay_t<F>, Check<std::decay_t<F>>::about_function()>();
}

/// Fails to compile, with the reason, if F cannot be called in another process with Args.
template <class F, class... Args>
constexpr void require_task() noexcept {
  constexpr Objection found = objection<F, Args...>;
  refuse_call<std::decay_t<F>, found>();
  using Call = typename Check<std::decay_t<F>, Args...>::Call;
  if constexpr (found == Objection::parameter_type) {
    require_all_transferable(typename Call::Parameters{});
  } else if constexpr (found == Objection::result_type) {
    require_transferable<std::remove_cvref_t<typename Call::Result>>();
  }
}

template <class F, class... Args>
struct TaskResult;
template <class F, class... Args>
requires TaskShaped<F, Args...>
struct TaskResult<F, Args...> {
  using type = std::remove_cvref_t<typename Check<std::decay_t<F>, Args...>::Call::Result>;
};

/// What a task gives back: the function's result, by value; void stays void.
template <class F, class... Args>
using task_result_t = typename TaskResult<F, Args...>::type;

}  // namespace internal
}  // namespace shoal
