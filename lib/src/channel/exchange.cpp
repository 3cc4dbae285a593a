// SPDX-License-Identifier: Apache-2.0
#include "channel/exchange.hpp"

#include <array>
#include <cerrno>

#include "base/or_resource_error.hpp"
#include "os/network.hpp"
#include "os/random.hpp"

namespace shoal::channel {
namespace {

// What a handshake says fits every socket's buffer: where it does not go at once, something is
// amiss.
bool send_output(int socket, Handshake& handshake) {
  if (handshake.output().empty()) return true;
  const os::Result<void> sent = os::send_message(socket, handshake.output(), {}, os::Wait::no);
  handshake.sent();
  return static_cast<bool>(sent);
}

Exchange gone_or_waits(const os::Failure& failure) noexcept {
  const bool waits = failure.error == EAGAIN || failure.error == EWOULDBLOCK;
  return waits ? Exchange::waits : Exchange::gone;
}

// A packet holds one message of the handshake, or is none.
Exchange take_packet(int socket, Handshake& handshake) {
  std::array<std::byte, 128> buffer;
  const os::Result<os::Message> packet = os::receive_message(socket, buffer, os::Wait::no);
  if (!packet) return gone_or_waits(packet.error());
  if (packet->size == 0) return Exchange::gone;
  if (packet->is_cut || packet->size != handshake.wanted() || !packet->fds.empty()) {
    handshake.refuse(Refusal::stranger);
  } else {
    handshake.take(std::span(buffer).first(packet->size));
  }
  return Exchange::ended;
}

// Takes no more than the handshake's: what follows is the first frame.
Exchange take_bytes(int socket, Handshake& handshake) {
  std::array<std::byte, 128> buffer;
  const os::Result<std::size_t> size =
      os::receive_some(socket, std::span(buffer).first(handshake.wanted()), os::Wait::no);
  if (!size) return gone_or_waits(size.error());
  if (*size == 0) return Exchange::gone;
  handshake.take(std::span(buffer).first(*size));
  return Exchange::ended;
}

}  // namespace

Exchange exchange(int socket, os::SocketKind kind, Handshake& handshake) {
  for (;;) {
    const bool was_sent = send_output(socket, handshake);
    if (handshake.refusal() != Refusal::none) return Exchange::ended;
    if (!was_sent) return Exchange::gone;
    if (handshake.is_done()) return Exchange::ended;
    const Exchange taken = kind == os::SocketKind::messages ? take_packet(socket, handshake)
                                                            : take_bytes(socket, handshake);
    if (taken != Exchange::ended) return taken;
  }
}

Nonce make_nonce() {
  Nonce nonce;
  base::or_resource_error(os::fill_random(nonce), "a handshake");
  return nonce;
}

std::shared_ptr<Transport> make_transport(os::Fd socket, os::SocketKind kind, Side side,
                                          const Handshake& handshake) {
  Greeting greeting;
  if (!handshake.has_key()) {
    if (side == Side::server) greeting.to_say = handshake.own_hello();
    greeting.is_expected = side == Side::client;
  }
  auto shared = std::make_shared<const UniqueFd>(std::move(socket));
  if (kind == os::SocketKind::messages) return make_packets(std::move(shared), greeting);
  if (!handshake.has_key()) return make_stream(std::move(shared), greeting, {});
  const FrameKeys& keys = handshake.frame_keys();
  const bool is_client = side == Side::client;
  return make_stream(std::move(shared), greeting,
                     StreamKeys{.to_send = is_client ? keys.to_server : keys.to_client,
                                .to_receive = is_client ? keys.to_client : keys.to_server});
}

}  // namespace shoal::channel
