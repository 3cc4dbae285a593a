// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "base/deadline.hpp"
#include "channel/address.hpp"
#include "channel/connection_maker.hpp"
#include "channel/exchange.hpp"
#include "os/event.hpp"
#include "os/files.hpp"
#include "os/network.hpp"
#include "shoal/error.hpp"
#include "shoal/listener.hpp"

namespace shoal {
namespace {

using channel::Address;
using channel::Exchange;

// One call of connect().
class Attempt {
 public:
  Attempt(std::string_view address, Duration timeout)
      : call_("connect(" + std::string(address) + ")"),
        address_(channel::parse_address(address, channel::Side::client, "connect")),
        deadline_(base::Deadline::in(timeout)) {}

  Connection run(const AuthKey& key) const {
    os::Fd socket = address_.is_unix ? reach_path() : reach_host();
    channel::Handshake handshake(channel::Side::client, key.bytes(), channel::make_nonce());
    shake_hands(socket.get(), handshake);
    return internal::ConnectionMaker::make(
        channel::make_transport(std::move(socket), kind(), channel::Side::client, handshake), true,
        true);
  }

 private:
  os::SocketKind kind() const noexcept {
    return address_.is_unix ? os::SocketKind::messages : os::SocketKind::bytes;
  }

  os::Fd reach_path() const {
    os::Result<os::Fd> socket = os::connect_to(address_.path.c_str(), deadline_);
    if (!socket) fail(socket.error());
    const os::Result<unsigned> user = os::peer_user(socket->get());
    if (!user) fail(user.error());
    if (*user == os::effective_user() || *user == 0) return std::move(*socket);
    throw AuthenticationError(call_ + ": user " + std::to_string(*user) + " listens there");
  }

  os::Fd reach_host() const {
    const auto found = os::resolve(address_.host.c_str(), address_.port);
    if (!found) fail(found.error());
    for (std::size_t i = 0;; ++i) {
      os::Result<os::Fd> socket = os::connect_to((*found)[i], deadline_);
      if (socket) return std::move(*socket);
      if (i + 1 == found->size() || deadline_.is_past()) fail(socket.error());
    }
  }

  void shake_hands(int socket, channel::Handshake& handshake) const {
    for (;;) {
      const Exchange state = channel::exchange(socket, kind(), handshake);
      if (handshake.refusal() != channel::Refusal::none) {
        channel::throw_refusal(call_, handshake.refusal());
      }
      if (state == Exchange::ended) return;
      if (state == Exchange::gone) {
        throw EndOfStreamError(call_ + ": the other side hung up instead of proving the key");
      }
      const os::Result<bool> is_readable = os::wait_readable(socket, deadline_);
      if (!is_readable) fail(is_readable.error());
      if (!*is_readable) time_out();
    }
  }

  [[noreturn]] void time_out() const { throw TimeoutError(call_ + ": no answer in time"); }

  [[noreturn]] void fail(const os::Failure& failure) const {
    if (failure.error == ETIMEDOUT && deadline_.is_past()) time_out();
    const std::string text = call_ + ": " + failure.to_string();
    const bool lacks = failure.error == EMFILE || failure.error == ENFILE ||
                       failure.error == ENOMEM || failure.error == ENOBUFS;
    if (lacks) throw ResourceError(channel::code_of(failure), text);
    throw Error(channel::code_of(failure), text);
  }

  const std::string call_;
  const Address address_;
  const base::Deadline deadline_;
};

}  // namespace

Connection connect(std::string_view address, const AuthKey& key, Duration timeout) {
  return Attempt(address, timeout).run(key);
}

}  // namespace shoal
