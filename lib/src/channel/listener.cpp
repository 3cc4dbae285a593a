// SPDX-License-Identifier: Apache-2.0
#include "shoal/listener.hpp"

#include <stdexcept>

#include "base/deadline.hpp"
#include "base/scope_exit.hpp"
#include "channel/address.hpp"
#include "channel/connection_maker.hpp"
#include "channel/reception.hpp"
#include "os/fork_generation.hpp"
#include "os/network.hpp"

namespace shoal {
namespace {

using channel::Address;
using channel::Reception;
using channel::SocketFile;

// A listener that is about to be one.
struct Start {
  std::string address;
  Reception::Parts parts;
};

template <class T>
T value_of(os::Result<T> result, std::string_view address) {
  if (result) return std::move(*result);
  throw Error(channel::code_of(result.error()),
              "Listener(" + std::string(address) + "): " + result.error().to_string());
}

Start start_unix(const Address& address, AuthKey key) {
  SocketFile file = address.path.empty() ? SocketFile::make() : SocketFile::claim(address.path);
  base::ScopeExit undo([&] { file.remove(); });
  std::string name = "unix:" + file.path();
  os::Fd listening = value_of(os::listen_at(file.path().c_str()), name);
  file.made();
  undo.release();
  return {std::move(name),
          {std::move(listening), os::SocketKind::messages, std::move(file), std::move(key)}};
}

Start start_tcp(std::string_view text, const Address& address, AuthKey key) {
  const auto found = value_of(os::resolve(address.host.c_str(), address.port), text);
  const os::NetworkAddress& at = found.front();
  if (key.empty() && !at.is_loopback()) {
    throw std::invalid_argument("Listener(" + std::string(text) +
                                "): other machines reach this address; give a key, or listen at "
                                "127.0.0.1");
  }
  os::Fd listening = value_of(os::listen_at(at), text);
  const os::NetworkAddress bound = value_of(os::local_address(listening.get()), text);
  return {"tcp:" + bound.to_string(),
          {std::move(listening), os::SocketKind::bytes, {}, std::move(key)}};
}

Start start(std::string_view text, AuthKey key) {
  const Address address = channel::parse_address(text, channel::Side::server, "Listener");
  return address.is_unix ? start_unix(address, std::move(key))
                         : start_tcp(text, address, std::move(key));
}

}  // namespace

struct Listener::State {
  explicit State(Start start)
      : address(std::move(start.address)), reception(std::move(start.parts)) {}
  ~State() {
    if (is_own()) reception.close();
  }
  bool is_own() const noexcept { return generation == os::fork_generation(); }

  const std::uint32_t generation = os::fork_generation();
  const std::string address;
  Reception reception;
};

Listener::Listener(std::string_view address, AuthKey key)
    : state_(std::make_shared<State>(start(address, std::move(key)))) {}

Listener::State& Listener::open_state(const char* call) const {
  if (closed()) throw ClosedError(std::string("Listener::") + call + ": the listener is closed");
  return *state_;
}

std::optional<Connection> Listener::accept_for(Duration timeout) const {
  open_state("accept");
  const std::shared_ptr<State> kept = state_;  // also if this handle goes meanwhile
  auto transport = kept->reception.accept(base::Deadline::in(timeout));
  if (transport == nullptr) return {};
  return internal::ConnectionMaker::make(std::move(transport), true, true);
}

Connection Listener::accept() const { return std::move(*accept_for(forever)); }

const std::string& Listener::address() const {
  if (state_ == nullptr) throw ClosedError("Listener::address: it has never been opened");
  return state_->address;
}

void Listener::close() const noexcept {
  if (state_ != nullptr && state_->is_own()) state_->reception.close();
}

bool Listener::closed() const noexcept {
  return state_ == nullptr || !state_->is_own() || state_->reception.is_closed();
}

int Listener::waitable_fd() const { return open_state("wait_any").reception.fd(); }

}  // namespace shoal
