// SPDX-License-Identifier: Apache-2.0
#include "channel/reception.hpp"

#include <algorithm>
#include <cerrno>

#include "base/log.hpp"
#include "base/or_resource_error.hpp"
#include "os/network.hpp"

namespace shoal::channel {
namespace {

constexpr std::uint64_t kWake = 0;
constexpr std::uint64_t kListening = 1;
constexpr std::uint64_t kFirstClient = 2;

}  // namespace

Reception::Reception(Parts parts)
    : listening_(std::move(parts.listening)),
      kind_(parts.kind),
      file_(std::move(parts.file)),
      key_(std::move(parts.key)),
      wake_(base::or_resource_error(os::create_event(), "Listener")),
      poller_(base::or_resource_error(os::Poller::create(), "Listener")),
      next_key_(kFirstClient) {
  base::or_resource_error(poller_.add(wake_.get(), kWake), "Listener");
  base::or_resource_error(poller_.add(listening_.get(), kListening), "Listener");
}

std::shared_ptr<Transport> Reception::accept(base::Deadline deadline) {
  for (;;) {
    const auto keys = poller_.wait(std::min(deadline, first_expiry()));
    if (!keys) base::throw_resource_error(keys.error(), "Listener::accept");
    const std::lock_guard guard(mutex_);
    if (!listening_) throw ClosedError("Listener::accept: the listener is closed");
    std::shared_ptr<Transport> passed = serve(*keys);
    if (passed != nullptr || deadline.is_past()) return passed;
  }
}

// All have the same patience: the first to come is the first to go.
base::Deadline Reception::first_expiry() const {
  const std::lock_guard guard(mutex_);
  return clients_.empty() ? base::Deadline::never() : clients_.begin()->second.deadline;
}

std::shared_ptr<Transport> Reception::serve(const std::vector<std::uint64_t>& keys) {
  for (const std::uint64_t key : keys) {
    const auto client = clients_.find(key);
    if (client == clients_.end()) continue;
    std::shared_ptr<Transport> passed = advance(client);
    if (passed != nullptr) return passed;
  }
  drop_expired();
  const bool has_new = std::find(keys.begin(), keys.end(), kListening) != keys.end();
  return has_new ? admit() : nullptr;
}

std::shared_ptr<Transport> Reception::advance(Clients::iterator client) {
  const Exchange state = exchange(client->second.socket.get(), kind_, client->second.handshake);
  if (state == Exchange::waits) return nullptr;
  const Refusal refusal = client->second.handshake.refusal();
  if (state == Exchange::gone || refusal == Refusal::stranger) {
    drop(client, state == Exchange::gone ? "has gone" : "does not speak the protocol");
    return nullptr;
  }
  poller_.remove(client->second.socket.get());
  const Clients::node_type taken = clients_.extract(client);
  if (refusal != Refusal::none) {
    os::shut_down(taken.mapped().socket.get(), 2);
    throw_refusal("Listener::accept", refusal);
  }
  return make_transport(std::move(taken.mapped().socket), kind_, Side::server,
                        taken.mapped().handshake);
}

std::shared_ptr<Transport> Reception::admit() {
  std::optional<os::Fd> socket = next_client();
  if (!socket || !is_welcome(*socket)) return nullptr;
  if (clients_.size() == kMostClients) make_room();
  const int fd = socket->get();
  const auto [client, is_new] = clients_.try_emplace(
      next_key_, Client{std::move(*socket), Handshake(Side::server, key_.bytes(), make_nonce()),
                        base::Deadline::in(kPatience)});
  const os::Result<void> added = poller_.add(fd, next_key_++);
  if (!added) {
    clients_.erase(client);
    base::throw_resource_error(added.error(), "Listener::accept");
  }
  return advance(client);
}

std::optional<os::Fd> Reception::next_client() {
  for (;;) {
    os::Result<std::optional<os::Fd>> socket = os::accept_one(listening_.get());
    if (socket) return std::move(*socket);
    // Who has come and says nothing may be what the descriptors have gone to.
    if (clients_.empty()) base::throw_resource_error(socket.error(), "Listener::accept");
    make_room();
  }
}

// The kernel's word on who is at the other end of a Unix socket.
bool Reception::is_welcome(const os::Fd& client) const {
  if (kind_ != os::SocketKind::messages) return true;
  const os::Result<unsigned> user = os::peer_user(client.get());
  if (user && (*user == os::effective_user() || *user == 0)) return true;
  base::log(LogLevel::warn, "Listener: a client of another user was turned away");
  return false;
}

void Reception::drop_expired() {
  while (!clients_.empty() && clients_.begin()->second.deadline.is_past()) {
    drop(clients_.begin(), "took too long");
  }
}

void Reception::make_room() {
  const auto silent = std::find_if(clients_.begin(), clients_.end(), [](const auto& client) {
    return !client.second.handshake.has_heard();
  });
  drop(silent != clients_.end() ? silent : clients_.begin(), "made room for another");
}

void Reception::drop(Clients::iterator client, const char* why) noexcept {
  base::log(LogLevel::debug, "Listener: dropped a client in its handshake, which ", why);
  poller_.remove(client->second.socket.get());
  os::shut_down(client->second.socket.get(), 2);  // a forked child may have the descriptor, too
  clients_.erase(client);
}

void Reception::close() noexcept {
  const std::lock_guard guard(mutex_);
  if (!listening_) return;
  if (file_) file_->remove();
  // A forked child may have the descriptors, too: closing them here would not end anything.
  while (!clients_.empty()) drop(clients_.begin(), "came to a listener that was closed");
  poller_.remove(listening_.get());
  os::shut_down(listening_.get(), 2);
  listening_.reset();
  os::ring(wake_.get());
}

bool Reception::is_closed() const noexcept {
  const std::lock_guard guard(mutex_);
  return !listening_;
}

}  // namespace shoal::channel
