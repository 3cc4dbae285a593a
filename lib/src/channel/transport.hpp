// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "channel/handshake.hpp"
#include "os/error.hpp"
#include "shoal/codec.hpp"
#include "shoal/error.hpp"
#include "shoal/reader.hpp"
#include "shoal/unique_fd.hpp"
#include "shoal/writer.hpp"

namespace shoal::channel {

/// One message as it came, and what its bytes stand in.
struct Received {
  std::uint64_t type = 0;
  std::uint64_t size = 0;  ///< more than was asked for: the bytes have been left out
  std::span<const std::byte> view;
  std::shared_ptr<const void> owner;
  std::vector<std::shared_ptr<const UniqueFd>> descriptors;
};

/// How whole messages cross one socket. Errors are shoal's, as Connection's members throw them.
/// One thread may send while another receives; several that send take turns.
class Transport {
 public:
  explicit Transport(std::shared_ptr<const UniqueFd> socket) : socket_(std::move(socket)) {}
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;
  virtual ~Transport() = default;

  /// Sends `message` as one of `type`, which is no value of a Hello's magic.
  virtual void send(const Writer& message, std::uint64_t type) = 0;
  /// Receives the next message; one of more than `most` bytes may be left unread, and ends what
  /// there is between the two.
  virtual Received receive(std::size_t most) = 0;
  /// Writes what another process needs to go on; `Transport::decode` reads it.
  virtual void encode(Writer& writer) = 0;
  static std::shared_ptr<Transport> decode(Reader& reader);

  const std::shared_ptr<const UniqueFd>& socket() const noexcept { return socket_; }

 private:
  const std::shared_ptr<const UniqueFd> socket_;
};

/// What two sides without keys still owe each other once they are connected: the server its hello,
/// in front of its first message; the client a look at it.
struct Greeting {
  std::optional<Hello> to_say;
  bool is_expected = false;
};

/// Packets of a Unix socket, which keep their bounds and carry descriptors.
std::shared_ptr<Transport> make_packets(std::shared_ptr<const UniqueFd> socket,
                                        Greeting greeting = {});

/// The keys of what this side sends and receives, and how many messages were.
struct StreamKeys {
  Mac to_send{};
  Mac to_receive{};
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
};

/// Frames (frame.hpp) of a TCP socket, with an HMAC each if there are keys. Carries no descriptors.
std::shared_ptr<Transport> make_stream(std::shared_ptr<const UniqueFd> socket, Greeting greeting,
                                       const std::optional<StreamKeys>& keys);

// --- for the two ---------------------------------------------------------------------------------

inline std::error_code code_of(const os::Failure& failure) {
  return {failure.error, std::generic_category()};
}

/// Says `call` failed for `why`, as AuthenticationError, or CodecError where keys are not the
/// point.
[[noreturn]] void throw_refusal(std::string_view call, Refusal why);

/// Throws unless the server's hello is what a client without a key may go on with.
void check_greeting(const Hello& hello);

void encode_greeting(Writer& writer, const Greeting& greeting);
Greeting decode_greeting(Reader& reader);

}  // namespace shoal::channel
