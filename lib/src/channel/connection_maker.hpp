// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "channel/transport.hpp"
#include "shoal/connection.hpp"

namespace shoal::internal {

/// Makes a Connection of what carries its messages.
class ConnectionMaker {
 public:
  static Connection make(std::shared_ptr<channel::Transport> transport, bool reads, bool writes);
};

}  // namespace shoal::internal
