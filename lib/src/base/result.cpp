// SPDX-License-Identifier: Apache-2.0
#include "base/result.hpp"

#include <system_error>

namespace shoal::base {

std::string Failure::to_string() const {
  return std::string(call) + '(' + arguments.data() +
         "): " + std::generic_category().message(error);
}

Failure failure(int error, const char* call) noexcept {
  Failure result;
  result.error = error;
  result.call = call;
  return result;
}

Failure failure(int error, const char* call, const char* format, ...) noexcept {
  Failure result = failure(error, call);
  va_list list;
  va_start(list, format);
  std::vsnprintf(result.arguments.data(), result.arguments.size(), format, list);
  va_end(list);
  return result;
}

}  // namespace shoal::base
