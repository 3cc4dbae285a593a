// SPDX-License-Identifier: Apache-2.0
#include "shoal/remote_trace.hpp"

#include "serial/remote_origin.hpp"
#include "shoal/error.hpp"

namespace shoal {

serial::RemoteOrigin::~RemoteOrigin() = default;

std::string remote_trace(const std::exception& error) {
  if (const auto* origin = dynamic_cast<const serial::RemoteOrigin*>(&error)) {
    return origin->trace();
  }
  if (const auto* remote = dynamic_cast<const RemoteError*>(&error)) return remote->trace();
  return {};
}

std::string remote_trace(const std::exception_ptr& error) {
  if (error == nullptr) return {};
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    return remote_trace(thrown);
  } catch (...) {  // of no class that could carry a trace
    return {};
  }
}

}  // namespace shoal
