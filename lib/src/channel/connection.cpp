// SPDX-License-Identifier: Apache-2.0
#include "shoal/connection.hpp"

#include <algorithm>
#include <mutex>
#include <string>

#include "base/or_resource_error.hpp"
#include "channel/connection_maker.hpp"
#include "channel/transport.hpp"
#include "os/event.hpp"
#include "os/fork_generation.hpp"
#include "os/socket.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

constexpr std::uint64_t kBytes = 0;

using Transport = channel::Transport;

}  // namespace

struct Connection::State {
  State(std::shared_ptr<Transport> made, bool reads, bool writes)
      : open(std::move(made)), is_readable(reads), is_writable(writes) {}

  std::shared_ptr<Transport> transport() {
    const std::lock_guard guard(mutex);
    return open;
  }

  std::mutex mutex;                 // guards open
  std::shared_ptr<Transport> open;  // none once closed
  const bool is_readable;
  const bool is_writable;
  const std::uint32_t generation = os::fork_generation();
};

Connection internal::ConnectionMaker::make(std::shared_ptr<Transport> transport, bool reads,
                                           bool writes) {
  return Connection(std::make_shared<Connection::State>(std::move(transport), reads, writes));
}

std::pair<Connection, Connection> pipe(Duplex duplex) {
  auto [first, second] =
      base::or_resource_error(os::create_socket_pair(os::SocketKind::messages), "pipe");
  const bool both = duplex == Duplex::yes;
  const auto make = [](os::Fd& fd, bool reads, bool writes) {
    return internal::ConnectionMaker::make(
        channel::make_packets(std::make_shared<const UniqueFd>(std::move(fd))), reads, writes);
  };
  return {make(first, true, both), make(second, both, true)};
}

// What the end of a member call goes through; keeps the socket open meanwhile.
std::shared_ptr<Transport> Connection::open_transport(const char* call) const {
  if (!closed()) {
    std::shared_ptr<Transport> transport = state_->transport();
    if (transport != nullptr) return transport;
  }
  throw ClosedError(std::string("Connection::") + call + ": this end is closed");
}

// --- sending ------------------------------------------------------------------------------------

void Connection::send_message(const Writer& message, std::uint64_t type) const {
  const std::shared_ptr<Transport> transport = open_transport("send");
  if (!state_->is_writable) {
    throw ClosedError("Connection::send: this end of the pipe only receives");
  }
  transport->send(message, type);
}

void Connection::send_bytes(std::span<const std::byte> bytes) const {
  Writer message;
  message.write(bytes.data(), bytes.size());
  send_message(message, kBytes);
}

// --- receiving ----------------------------------------------------------------------------------

namespace {

[[noreturn]] void fail_type(std::uint64_t sent, std::uint64_t wanted, const char* wanted_name) {
  const std::string text = "Connection::recv: the message holds ";
  if (wanted == kBytes) throw CodecError(text + "a value where bytes were asked for");
  if (sent == kBytes) throw CodecError(text + "bytes where a " + wanted_name + " was asked for");
  throw CodecError(text + "another type than the " + wanted_name +
                   " that was asked for, or one of that name with other members");
}

}  // namespace

Connection::Message Connection::receive_message(std::uint64_t type, const char* type_name,
                                                std::size_t most) const {
  const std::shared_ptr<Transport> transport = open_transport("recv");
  if (!state_->is_readable) throw ClosedError("Connection::recv: this end of the pipe only sends");
  channel::Received received = transport->receive(most);
  if (received.type != type) fail_type(received.type, type, type_name);
  return {received.view, std::move(received.owner), std::move(received.descriptors), received.size};
}

std::vector<std::byte> Connection::recv_bytes(std::size_t max) const {
  const Message message = receive_message(kBytes, "bytes", max);
  if (message.size > max) {
    close();
    throw CodecError("Connection::recv_bytes: a message of " + std::to_string(message.size) +
                     " bytes, more than the " + std::to_string(max) + " allowed");
  }
  return {message.view.begin(), message.view.end()};
}

std::size_t Connection::recv_bytes_into(std::span<std::byte> buffer) const {
  const Message message = receive_message(kBytes, "bytes");
  if (message.view.size() > buffer.size()) {
    throw CodecError("Connection::recv_bytes_into: a message of " +
                     std::to_string(message.view.size()) + " bytes does not fit the buffer of " +
                     std::to_string(buffer.size()));
  }
  std::copy(message.view.begin(), message.view.end(), buffer.begin());
  return message.view.size();
}

bool Connection::poll(Duration timeout) const {
  const std::shared_ptr<Transport> transport = open_transport("poll");
  if (!state_->is_readable) throw ClosedError("Connection::poll: this end of the pipe only sends");
  return base::or_resource_error(
      os::wait_readable(transport->socket()->get(), base::Deadline::in(timeout)),
      "Connection::poll");
}

// --- the handle ---------------------------------------------------------------------------------

int Connection::fileno() const { return open_transport("fileno")->socket()->get(); }

void Connection::close() const noexcept {
  if (state_ == nullptr) return;
  const std::lock_guard guard(state_->mutex);
  state_->open.reset();
}

bool Connection::closed() const noexcept {
  return state_ == nullptr || state_->generation != os::fork_generation() ||
         state_->transport() == nullptr;
}

bool Connection::readable() const noexcept { return !closed() && state_->is_readable; }
bool Connection::writable() const noexcept { return !closed() && state_->is_writable; }

void Codec<Connection>::encode(Writer& writer, const Connection& connection) {
  const std::shared_ptr<Transport> transport = connection.open_transport("encode");
  writer.put(connection.state_->is_readable);
  writer.put(connection.state_->is_writable);
  writer.put_fd(transport->socket());
  transport->encode(writer);
}

Connection Codec<Connection>::decode(Reader& reader) {
  const bool reads = reader.get<bool>();
  const bool writes = reader.get<bool>();
  return internal::ConnectionMaker::make(Transport::decode(reader), reads, writes);
}

}  // namespace shoal
