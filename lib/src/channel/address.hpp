// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace shoal::channel {

/// Where a Listener is, as its users write it.
struct Address {
  bool is_unix = false;
  std::string path = {};  ///< of a Unix socket; empty for one with a name of the Listener's choice
  std::string host = {};
  std::uint16_t port = 0;
};

enum class Side : std::uint8_t;

/// Reads "unix:/path", "tcp:host:port" or "tcp:[::1]:port", and for a server also "unix:".
/// @throws std::invalid_argument  it is none, naming `call` and the address
Address parse_address(std::string_view text, Side side, std::string_view call);

}  // namespace shoal::channel
