// SPDX-License-Identifier: Apache-2.0
#include "process/uncaught.hpp"

#include <string_view>
#include <typeinfo>

#include "serial/names.hpp"

namespace shoal::process {
namespace {

// A cause may have a cause, and so on; a chain longer than this tells nothing more.
constexpr int kDeepestCause = 32;

// What std::throw_with_nested throws is called after the type the user wrote.
std::string type_name(const std::type_info& type) {
  constexpr std::string_view kWrapper = "std::_Nested_exception<";
  std::string name = serial::demangle(type.name());
  if (name.starts_with(kWrapper))
    name = name.substr(kWrapper.size(), name.size() - kWrapper.size() - 1);
  return name;
}

std::exception_ptr cause_of(const std::exception& error) {
  const auto* nested = dynamic_cast<const std::nested_exception*>(&error);
  return nested == nullptr ? nullptr : nested->nested_ptr();
}

// One exception's own line; `cause` becomes the one nested in it.
std::string describe_one(const std::exception_ptr& error, std::exception_ptr& cause) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& caught) {
    cause = cause_of(caught);
    return type_name(typeid(caught)) + ": " + caught.what();
  } catch (...) {
    return "an exception of type " + type_name(*error.__cxa_exception_type());
  }
}

}  // namespace

std::string describe_uncaught(const std::exception_ptr& error) {
  std::string text;
  std::exception_ptr next = error;
  for (int depth = 0; next && depth < kDeepestCause; ++depth) {
    std::exception_ptr cause;
    text += (depth == 0 ? "" : "\n  caused by ") + describe_one(next, cause);
    next = cause;
  }
  return text;
}

}  // namespace shoal::process
