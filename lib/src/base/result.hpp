// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cassert>
#include <cstdarg>
#include <cstdio>
#include <string>
#include <utility>
#include <variant>

namespace shoal::base {

/// Says why a system call failed: its error number, its name and what it was called with.
/// Holds no heap memory, so that it can be made where nothing may be allocated.
struct Failure {
  int error = 0;
  const char* call = "";              ///< a literal: "memfd_create"
  std::array<char, 112> arguments{};  ///< printed, NUL-terminated, cut where too long

  /// Gives "memfd_create(\"shoal\"): Too many open files".
  std::string to_string() const;
};

/// Makes a Failure; `format` and what follows print the call's arguments as printf does.
[[gnu::format(printf, 3, 4)]] Failure failure(int error, const char* call, const char* format,
                                              ...) noexcept;
/// Makes a Failure of a call whose arguments tell nothing.
Failure failure(int error, const char* call) noexcept;

/// A value, or the Failure that kept it from being made (the shape of std::expected).
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Failure failure) noexcept : state_(std::in_place_index<1>, failure) {}

  explicit operator bool() const noexcept { return state_.index() == 0; }
  T& operator*() & noexcept { return *std::get_if<0>(&state_); }
  const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
  T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() noexcept { return std::get_if<0>(&state_); }
  const T* operator->() const noexcept { return std::get_if<0>(&state_); }
  const Failure& error() const noexcept { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Failure> state_;
};

/// Success, or a Failure.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() noexcept = default;
  Result(Failure failure) noexcept : failure_(failure), failed_(true) {}

  explicit operator bool() const noexcept { return !failed_; }
  const Failure& error() const noexcept { return failure_; }

 private:
  Failure failure_;
  bool failed_ = false;
};

}  // namespace shoal::base
