// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#include "shoal/codec.hpp"
#include "shoal/item_run.hpp"
#include "shoal/reader.hpp"
#include "shoal/task_signature.hpp"
#include "shoal/type_hash.hpp"
#include "shoal/writer.hpp"

namespace shoal {
namespace internal {

// --- in the process that runs the call ---------------------------------------------------------

/// Decodes the arguments, calls, encodes the result. Throws what the function throws, and
/// CodecError where the bytes are no such arguments.
using Invoker = void (*)(std::uintptr_t target, Reader& arguments, Writer& result);

/// As an Invoker, for one element of a map after the other.
using ItemsInvoker = void (*)(std::uintptr_t target, Reader& arguments, Writer& results,
                              ItemRun& run);

/// One travels in the place of the other.
inline Invoker erase(ItemsInvoker invoker) noexcept {
  return reinterpret_cast<Invoker>(reinterpret_cast<void (*)()>(invoker));
}
inline ItemsInvoker restore(Invoker invoker) noexcept {
  return reinterpret_cast<ItemsInvoker>(reinterpret_cast<void (*)()>(invoker));
}

/// One call. Its constructor takes the arguments in braces, which decode in their order.
template <class Result, bool is_item>
struct Call {
  template <class F, class... Args>
  Call(F& fn, [[maybe_unused]] Reader& in, [[maybe_unused]] Writer& out, Args&&... args) {
    if constexpr (!is_item) in.finish();
    if constexpr (std::is_void_v<Result>) {
      fn(std::forward<Args>(args)...);
    } else if constexpr (is_item && !is_plain_number<std::remove_cvref_t<Result>>) {
      // With its size in front: an item that cannot be decoded does not spoil the next one.
      const std::size_t begin = out.bytes().size();
      out.put(std::uint64_t{0});
      out.put<std::remove_cvref_t<Result>>(fn(std::forward<Args>(args)...));
      const std::uint64_t size = out.bytes().size() - begin - sizeof(std::uint64_t);
      out.overwrite(begin, &size, sizeof size);
    } else {
      out.put<std::remove_cvref_t<Result>>(fn(std::forward<Args>(args)...));
    }
  }
};

template <class Result, bool is_item, class F, class... P>
void call_decoded(F& fn, Reader& in, Writer& out, Types<P...>) {
  static_cast<void>(
      Call<Result, is_item>{fn, in, out, in.get<std::remove_cvref_t<P>>()...});
}

/// The type of the stateless callee that was called last: its name, for this_task::name().
extern std::atomic<const char*> called_type;

/// The function that a target stands for.
template <class F>
F callee([[maybe_unused]] std::uintptr_t target) {
  if constexpr (FunctionPointer<F>) {
    return reinterpret_cast<F>(target);
  } else {
    called_type.store(type_name<F>(), std::memory_order_relaxed);
    return F{};
  }
}

/// The invoker of all functions of one signature, or of one stateless type.
template <class F, class Signature>
void invoke(std::uintptr_t target, Reader& in, Writer& out) {
  F fn = callee<F>(target);
  call_decoded<typename Signature::Result, false>(fn, in, out, typename Signature::Parameters{});
}

template <class F, class Signature>
void invoke_items(std::uintptr_t target, Reader& in, Writer& out, ItemRun& run) {
  F fn = callee<F>(target);
  while (run.next(out)) {
    call_decoded<typename Signature::Result, true>(fn, in, out, typename Signature::Parameters{});
  }
  if (run.is_complete()) in.finish();
}

// --- in the process that asks for it -----------------------------------------------------------

/// What is called, as this process knows it.
struct CallTarget {
  Invoker invoker = nullptr;
  std::uintptr_t target = 0;        ///< address of the function; 0: a stateless type, no function
  std::uint64_t type_hash = 0;      ///< of function type, parameters and result
  const char* type_name = nullptr;  ///< of the function's type, for ever
};

template <class Value, class... P>
constexpr bool is_only(Types<P...>) noexcept {
  return sizeof...(P) == 1 && (std::is_same_v<std::remove_cvref_t<P>, Value> && ...);
}

template <class... P>
constexpr void hash_values(NameHash& hash, Types<P...>) noexcept {
  (hash.add(type_hash<std::remove_cvref_t<P>>()), ...);
}

template <class F, class Signature>
constexpr std::uint64_t hash_call() noexcept {
  NameHash hash;
  hash.add(type_name_view<F>());
  hash_values(hash, typename Signature::Parameters{});
  hash_values(hash, Types<typename Signature::Result>{});
  return hash.value();
}

[[noreturn]] void fail_null_function();

template <class F, class Signature>
CallTarget target_of(const F& fn) {
  CallTarget target;
  target.invoker = &invoke<F, Signature>;
  if constexpr (FunctionPointer<F>) {
    if (fn == nullptr) fail_null_function();
    target.target = reinterpret_cast<std::uintptr_t>(fn);
  }
  constexpr std::uint64_t hash = hash_call<F, Signature>();
  target.type_hash = hash;
  target.type_name = type_name<F>();
  return target;
}

/// Converts as a call would, and writes. What has the parameter's type already is not copied; what is
/// moved in is gone afterwards, as with a call: a moved handle is no longer held here.
template <class Value, class Arg>
void encode_argument(Writer& out, Arg&& arg) {
  if constexpr (std::is_same_v<Arg, Value> && !std::is_trivially_copyable_v<Value>) {
    const Value value = std::move(arg);
    out.put<Value>(value);
  } else if constexpr (std::is_same_v<std::remove_cvref_t<Arg>, Value>) {
    out.put<Value>(arg);
  } else if constexpr (std::is_arithmetic_v<Value> || std::is_enum_v<Value>) {
    out.put<Value>(static_cast<Value>(std::forward<Arg>(arg)));
  } else {
    const Value value = std::forward<Arg>(arg);
    out.put<Value>(value);
  }
}

template <class... P, class... Args>
void encode_arguments([[maybe_unused]] Writer& out, Types<P...>, Args&&... args) {
  (encode_argument<std::remove_cvref_t<P>>(out, std::forward<Args>(args)), ...);
}

template <class F, class... Args>
CallTarget encode_plain_call(Writer& out, const F& fn, Args&&... args) {
  using Signature = typename CallOf<F, Args...>::Plain;
  encode_arguments(out, typename Signature::Parameters{}, std::forward<Args>(args)...);
  return target_of<F, Signature>(fn);
}

template <class F, class... BoundArgs, class... Args>
CallTarget encode_plain_call(Writer& out, const Bound<F, BoundArgs...>& bound, Args&&... args);

/// What is called for the elements of a map.
template <class F, class... Args>
CallTarget items_target(const F& fn, Types<Args...>) {
  using Signature = typename CallOf<F, Args...>::Plain;
  CallTarget target = target_of<F, Signature>(fn);
  target.invoker = erase(&invoke_items<F, Signature>);
  return target;
}

template <class F, class... BoundArgs, class... Args>
CallTarget items_target(const Bound<F, BoundArgs...>& bound, Types<Args...>);

/// True for a function whose only parameter is a `Value`.
template <class F, class Value>
constexpr bool takes_one() {
  if constexpr (requires { typename CallOf<F, Value&>::Parameters; }) {
    using Parameters = typename CallOf<F, Value&>::Parameters;
    return is_only<Value>(Parameters{});
  } else {
    return false;
  }
}

/// Writes the arguments, each converted to the function's parameter type, and says what to call.
/// @throws CodecError  an argument cannot be sent   @throws std::invalid_argument  `fn` is null
template <class F, class... Args>
CallTarget encode_call(Writer& out, F&& fn, Args&&... args) {
  require_task<F, Args...>();
  if constexpr (TaskCallable<F, Args...>) {
    const std::decay_t<F>& callable = fn;
    return encode_plain_call(out, callable, std::forward<Args>(args)...);
  } else {
    return {};
  }
}

}  // namespace internal

/// A function and values for its first parameters: what shoal::bind() gives.
///
/// Copyable where the values are. Can be called here too, like the function.
template <class F, class... Args>
class Bound {
 public:
  explicit Bound(F fn, Args... args) : fn_(std::move(fn)), arguments_(std::move(args)...) {}

  const F& function() const noexcept { return fn_; }
  /// Gives the bound values, in the order of the parameters.
  const std::tuple<Args...>& arguments() const noexcept { return arguments_; }

  /// Calls the function here, with the bound values (not moved) and then `rest`.
  template <class... Rest>
  requires std::is_invocable_v<const F&, const Args&..., Rest...>
  decltype(auto) operator()(Rest&&... rest) const {
    return std::apply(
        [&](const Args&... args) -> decltype(auto) {
          return fn_(args..., std::forward<Rest>(rest)...);
        },
        arguments_);
  }

 private:
  F fn_;
  std::tuple<Args...> arguments_;
};

/// Binds values to the first parameters of a function pointer, a captureless lambda or a stateless
/// function object: the result travels like the function, and is called with what is missing.
///   pool.submit(shoal::bind(add, 1), 2)   // add(1, 2)
/// The values are kept as they are (characters as std::string) and converted to the parameters'
/// types when the call is sent. Write it qualified: std::bind is found for arguments of namespace
/// std.
template <class F, class... Args>
auto bind(F&& fn, Args&&... args) {
  internal::require_function<F>();
  return Bound<std::decay_t<F>, internal::argument_value_t<Args>...>(std::forward<F>(fn),
                                                                     std::forward<Args>(args)...);
}

template <class F, class... BoundArgs, class... Args>
internal::CallTarget internal::encode_plain_call(Writer& out, const Bound<F, BoundArgs...>& bound,
                                                 Args&&... args) {
  return std::apply(
      [&](const BoundArgs&... first) {
        return encode_plain_call(out, bound.function(), first..., std::forward<Args>(args)...);
      },
      bound.arguments());
}

template <class F, class... BoundArgs, class... Args>
internal::CallTarget internal::items_target(const Bound<F, BoundArgs...>& bound, Types<Args...>) {
  return items_target(bound.function(), Types<const BoundArgs&..., Args...>{});
}

/// A call with all its arguments, ready to be sent, its type forgotten. Empty by default.
///
/// Made from shoal::bind(fn, args...) or from a function without parameters. Copies are cheap and
/// share the encoded arguments; they may be used from many threads.
class BoundTask {
 public:
  BoundTask() noexcept = default;
  /// @throws CodecError  an argument cannot be sent   @throws std::invalid_argument  `fn` is null
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, BoundTask> && internal::TaskCallable<F>)
      BoundTask(F&& fn) {
    auto encoded = std::make_shared<Encoded>();
    encoded->target = internal::encode_call(encoded->arguments, std::forward<F>(fn));
    encoded_ = std::move(encoded);
  }

  /// True if there is something to call.
  explicit operator bool() const noexcept { return encoded_ != nullptr; }

  /// What is called. Not for an empty one.
  const internal::CallTarget& target() const noexcept { return encoded_->target; }
  /// The encoded arguments and the descriptors that ride along. Not for an empty one.
  const Writer& arguments() const noexcept { return encoded_->arguments; }

 private:
  struct Encoded {
    Writer arguments;
    internal::CallTarget target;
  };

  std::shared_ptr<const Encoded> encoded_;
};

}  // namespace shoal
