// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/result.hpp"
#include "shoal/error.hpp"

namespace shoal::base {

/// Throws a ResourceError: what was attempted, and why the system refused.
[[noreturn]] inline void throw_resource_error(const Failure& failure, std::string_view attempt) {
  throw ResourceError(std::error_code(failure.error, std::generic_category()),
                      std::string(attempt) + ": " + failure.to_string());
}

/// The value, or a ResourceError.
template <class T>
T or_resource_error(Result<T> result, std::string_view attempt) {
  if (!result) throw_resource_error(result.error(), attempt);
  return std::move(*result);
}

inline void or_resource_error(const Result<void>& result, std::string_view attempt) {
  if (!result) throw_resource_error(result.error(), attempt);
}

}  // namespace shoal::base
