// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "serial/function_ref.hpp"
#include "shoal/function.hpp"

namespace shoal::serial {

/// A BoundTask on its way to another process, or there.
struct SentCall {
  CallRef callee;
  std::vector<std::byte> arguments;
  std::vector<std::shared_ptr<const UniqueFd>> descriptors;  ///< of the arguments

  /// @throws CodecError  as locate()
  explicit SentCall(const BoundTask& task);
  /// @throws CodecError  the bytes are no such call
  explicit SentCall(Reader& reader);
  void put(Writer& writer) const;

  /// @throws CodecError  as resolve()   @throws what the callee throws
  void call() const;
};

}  // namespace shoal::serial
