// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "shoal/function.hpp"

// Calls that a thread of this process makes: nothing of them is encoded.
namespace shoal::internal {

/// True for what can be copied: also containers know whether what they hold can.
template <class T>
struct IsCopyable {
  static constexpr bool value = std::is_copy_constructible_v<T>;
};
template <class T>
requires requires { typename T::value_type; }
struct IsCopyable<T> {
  static constexpr bool is_element_copyable() noexcept {
    if constexpr (std::is_same_v<typename T::value_type, T>) {
      return true;
    } else {
      return IsCopyable<std::remove_const_t<typename T::value_type>>::value;
    }
  }
  static constexpr bool value = std::is_copy_constructible_v<T> && is_element_copyable();
};
template <class... T>
struct AreCopyable {
  static constexpr bool value = (IsCopyable<std::remove_const_t<T>>::value && ...);
};
template <class A, class B>
struct IsCopyable<std::pair<A, B>> : AreCopyable<A, B> {};
template <class... T>
struct IsCopyable<std::tuple<T...>> : AreCopyable<T...> {};
template <class... T>
struct IsCopyable<std::variant<T...>> : AreCopyable<T...> {};

/// What came of a call.
struct LocalValue {
  std::shared_ptr<void> object = {};  ///< of type T; none if that is void
  void (*give)() = nullptr;           ///< in truth T (*)(T&): a copy, or, once, the object itself
  bool can_be_copied = true;
};

template <class T>
T give_local(T& object) {
  if constexpr (IsCopyable<T>::value) {
    return object;
  } else {
    return std::move(object);
  }
}

/// A call, its arguments included; whatever it may be.
class LocalCall {
 public:
  LocalCall() = default;
  LocalCall(const LocalCall&) = delete;
  LocalCall& operator=(const LocalCall&) = delete;
  virtual ~LocalCall() = default;
  /// Calls, and gives what came of it. The arguments are used up, unless it `may_come_again`.
  virtual LocalValue run(bool may_come_again) = 0;
};

/// `call(may_come_again)` gives an R.
template <class R, class Call>
class LocalCallOf final : public LocalCall {
 public:
  explicit LocalCallOf(Call call) : call_(std::move(call)) {}

  LocalValue run(bool may_come_again) override {
    if constexpr (std::is_void_v<R>) {
      call_(may_come_again);
      return {};
    } else {
      return {std::make_shared<R>(call_(may_come_again)),
              reinterpret_cast<void (*)()>(&give_local<R>), IsCopyable<R>::value};
    }
  }

 private:
  Call call_;
};

template <class R, class Call>
std::unique_ptr<LocalCall> make_local_call(Call call) {
  return std::make_unique<LocalCallOf<R, Call>>(std::move(call));
}

// Arguments are kept decayed, characters as a std::string unless F takes nothing but a pointer.
template <bool owns_characters, class T>
using kept_t = std::conditional_t<owns_characters, argument_value_t<T>, std::decay_t<T>>;
template <class F, class... Args>
inline constexpr bool owns_characters =
    std::is_invocable_v<std::decay_t<F>&, argument_value_t<Args>...>;
template <class F, class... Args>
using local_result_t = std::remove_cvref_t<
    std::invoke_result_t<std::decay_t<F>&, kept_t<owns_characters<F, Args...>, Args>...>>;

/// Names a type of function.
template <class F>
void name_local(std::uintptr_t, Reader&, Writer&) {}

/// What is called, for its name.
/// @throws std::invalid_argument  `fn` is null
template <class F>
CallTarget local_target(const std::decay_t<F>& fn) {
  CallTarget target;
  target.invoker = &name_local<std::decay_t<F>>;
  if constexpr (FunctionPointer<std::decay_t<F>>) {
    if (fn == nullptr) fail_null_function();
    target.target = reinterpret_cast<std::uintptr_t>(fn);
  }
  target.type_name = type_name<std::decay_t<F>>();
  return target;
}

/// True for what a thread can call with copies of these arguments; std::ref(object) says that it is
/// to be the object itself.
template <class F, class... Args>
concept LocallyCallable =
    std::is_invocable_v<std::decay_t<F>&, kept_t<owns_characters<F, Args...>, Args>...>;

/// Calls `fn` with copies of `args`.
template <class F, class... Args>
std::unique_ptr<LocalCall> keep_call(F&& fn, Args&&... args) {
  constexpr bool kOwns = owns_characters<F, Args...>;
  using Kept = std::tuple<kept_t<kOwns, Args>...>;
  using Result = local_result_t<F, Args...>;
  return make_local_call<Result>(
      [fn = std::decay_t<F>(std::forward<F>(fn)),
       kept = Kept(std::forward<Args>(args)...)](bool may_come_again) mutable -> Result {
        const auto call = [&fn](auto&... values) -> Result {
          return std::invoke(fn, std::move(values)...);
        };
        if constexpr (IsCopyable<Kept>::value) {
          if (may_come_again) {
            Kept copy = kept;
            return std::apply(call, copy);
          }
        }
        return std::apply(call, kept);
      });
}

}  // namespace shoal::internal
