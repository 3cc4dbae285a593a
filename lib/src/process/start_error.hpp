// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "base/result.hpp"

namespace shoal::process {

/// Throws StartError with `failure`'s code, saying "<what was tried>: <call>: <reason>".
[[noreturn]] void throw_start_error(const base::Failure& failure, const std::string& attempt);

/// Gives the value of `result`, or throws StartError.
template <class T>
T or_start_error(base::Result<T> result, const std::string& attempt) {
  if (!result) throw_start_error(result.error(), attempt);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace shoal::process
