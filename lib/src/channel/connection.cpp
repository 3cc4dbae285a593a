// SPDX-License-Identifier: Apache-2.0
#include "shoal/connection.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <string>

#include "memory/mapping.hpp"
#include "os/event.hpp"
#include "os/fork_generation.hpp"
#include "os/memfd.hpp"
#include "os/socket.hpp"
#include "shoal/error.hpp"

// A message is one packet of a SOCK_SEQPACKET socket, which the kernel hands over whole or not at
// all:
//
//   0        8        16            24
//   | type   | size   | descriptors | bytes, up to kLargestPacket ...
//
// `type` is the hash of the value's type, or kBytes. Where `size` is larger than kLargestPacket the
// bytes are in a sealed shared file, which is the packet's first descriptor.

namespace shoal {
namespace {

constexpr std::uint64_t kBytes = 0;
constexpr std::size_t kLargestPacket = 64 << 10;

struct PacketHeader {
  std::uint64_t type;
  std::uint64_t size;
  std::uint64_t descriptors;
};

std::error_code code_of(const os::Failure& failure) {
  return {failure.error, std::generic_category()};
}

template <class T>
T value_or_throw(os::Result<T> result, const char* call) {
  if (!result) {
    throw ResourceError(code_of(result.error()),
                        std::string(call) + ": " + result.error().to_string());
  }
  return std::move(*result);
}

}  // namespace

struct Connection::State {
  State(std::shared_ptr<const UniqueFd> socket, bool reads, bool writes)
      : fd(std::move(socket)), is_readable(reads), is_writable(writes) {}

  std::shared_ptr<const UniqueFd> socket() {
    const std::lock_guard guard(mutex);
    return fd;
  }

  std::mutex mutex;                    // guards fd
  std::shared_ptr<const UniqueFd> fd;  // none once closed
  const bool is_readable;
  const bool is_writable;
  const std::uint32_t generation = os::fork_generation();
};

std::pair<Connection, Connection> pipe(Duplex duplex) {
  auto [first, second] = value_or_throw(os::create_socket_pair(os::SocketKind::messages), "pipe");
  const bool both = duplex == Duplex::yes;
  const auto make = [](os::Fd& fd, bool reads, bool writes) {
    return Connection(std::make_shared<Connection::State>(
        std::make_shared<const UniqueFd>(std::move(fd)), reads, writes));
  };
  return {make(first, true, both), make(second, both, true)};
}

Connection::State& Connection::open_state(const char* call) const {
  if (closed()) throw ClosedError(std::string("Connection::") + call + ": this end is closed");
  return *state_;
}

// --- sending ------------------------------------------------------------------------------------

void Connection::send_message(const Writer& message, std::uint64_t type) const {
  State& state = open_state("send");
  if (!state.is_writable) throw ClosedError("Connection::send: this end of the pipe only receives");
  const std::span<const std::byte> bytes = message.bytes();
  const PacketHeader header{type, bytes.size(), message.descriptors().size()};

  std::vector<int> fds;
  os::Fd file;
  std::vector<std::byte> packet(sizeof header);
  std::memcpy(packet.data(), &header, sizeof header);
  if (bytes.size() <= kLargestPacket) {
    packet.insert(packet.end(), bytes.begin(), bytes.end());
  } else {
    file = value_or_throw(os::make_sealed_file("shoal-message", bytes), "Connection::send");
    fds.push_back(file.get());
  }
  for (const auto& fd : message.descriptors()) fds.push_back(fd->get());
  if (fds.size() > os::kMaxDescriptorsPerMessage) {
    throw CodecError("Connection::send: the value has " + std::to_string(fds.size()) +
                     " descriptors; a message carries at most " +
                     std::to_string(os::kMaxDescriptorsPerMessage));
  }
  const std::shared_ptr<const UniqueFd> socket = state.socket();
  if (socket == nullptr) throw ClosedError("Connection::send: this end is closed");
  const os::Result<void> sent = os::send_message(socket->get(), packet, fds, os::Wait::yes);
  if (sent) return;
  const int error = sent.error().error;
  if (error == EPIPE || error == ECONNRESET) {
    throw ClosedError(code_of(sent.error()), "Connection::send: no other end is left");
  }
  throw ResourceError(code_of(sent.error()), "Connection::send: " + sent.error().to_string());
}

void Connection::send_bytes(std::span<const std::byte> bytes) const {
  Writer message;
  message.write(bytes.data(), bytes.size());
  send_message(message, kBytes);
}

// --- receiving ----------------------------------------------------------------------------------

namespace {

struct Packet {
  PacketHeader header{};
  std::shared_ptr<std::vector<std::byte>> bytes;  // with the header
  std::vector<os::Fd> fds;
};

Packet receive_packet(int socket) {
  Packet packet;
  packet.bytes = std::make_shared<std::vector<std::byte>>(sizeof(PacketHeader) + kLargestPacket);
  os::Result<os::Message> message = os::receive_message(socket, *packet.bytes, os::Wait::yes);
  if (!message && message.error().error != ECONNRESET) {
    throw ResourceError(code_of(message.error()),
                        "Connection::recv: " + message.error().to_string());
  }
  if (!message || message->size == 0) {
    throw EndOfStreamError("Connection::recv: the stream has ended: no other end is left");
  }
  if (message->is_cut) {
    throw ResourceError(std::make_error_code(std::errc::too_many_files_open),
                        "Connection::recv: the descriptors of a message did not fit this process; "
                        "the message is gone");
  }
  if (message->size < sizeof packet.header) throw CodecError("Connection::recv: a torn message");
  std::memcpy(&packet.header, packet.bytes->data(), sizeof packet.header);
  packet.bytes->resize(message->size);
  packet.fds = std::move(message->fds);
  const bool has_file = packet.header.size > kLargestPacket;
  const std::size_t inline_size = has_file ? 0 : packet.header.size;
  if (message->size != sizeof packet.header + inline_size ||
      packet.header.descriptors > os::kMaxDescriptorsPerMessage ||
      packet.fds.size() != packet.header.descriptors + (has_file ? 1 : 0)) {
    throw CodecError("Connection::recv: a message that contradicts itself");
  }
  return packet;
}

[[noreturn]] void fail_type(std::uint64_t sent, std::uint64_t wanted, const char* wanted_name) {
  const std::string text = "Connection::recv: the message holds ";
  if (wanted == kBytes) throw CodecError(text + "a value where bytes were asked for");
  if (sent == kBytes) throw CodecError(text + "bytes where a " + wanted_name + " was asked for");
  throw CodecError(text + "another type than the " + wanted_name +
                   " that was asked for, or one of that name with other members");
}

// The file of a large message is a stranger's.
memory::Mapping map_message(const os::Fd& file, std::size_t size) {
  os::Result<memory::Mapping> mapping = memory::Mapping::map_sealed(file.get(), size);
  if (!mapping && mapping.error().error == EPROTO) {
    throw CodecError("Connection::recv: a large message in a file that is not sealed or not whole");
  }
  return value_or_throw(std::move(mapping), "Connection::recv");
}

}  // namespace

Connection::Message Connection::receive_message(std::uint64_t type, const char* type_name) const {
  State& state = open_state("recv");
  if (!state.is_readable) throw ClosedError("Connection::recv: this end of the pipe only sends");
  const std::shared_ptr<const UniqueFd> socket = state.socket();
  if (socket == nullptr) throw ClosedError("Connection::recv: this end is closed");
  Packet packet = receive_packet(socket->get());
  if (packet.header.type != type) fail_type(packet.header.type, type, type_name);
  Message message;
  auto fd = packet.fds.begin();
  if (packet.header.size > kLargestPacket) {
    auto mapping = std::make_shared<memory::Mapping>(map_message(*fd++, packet.header.size));
    message.view = mapping->bytes();
    message.owner = std::move(mapping);
  } else {
    message.view = std::span(*packet.bytes).subspan(sizeof packet.header);
    message.owner = std::move(packet.bytes);
  }
  for (; fd != packet.fds.end(); ++fd) {
    message.descriptors.push_back(std::make_shared<const UniqueFd>(std::move(*fd)));
  }
  return message;
}

std::vector<std::byte> Connection::recv_bytes(std::size_t max) const {
  const Message message = receive_message(kBytes, "bytes");
  if (message.view.size() > max) {
    close();
    throw CodecError("Connection::recv_bytes: a message of " + std::to_string(message.view.size()) +
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
  State& state = open_state("poll");
  if (!state.is_readable) throw ClosedError("Connection::poll: this end of the pipe only sends");
  const std::shared_ptr<const UniqueFd> socket = state.socket();
  if (socket == nullptr) throw ClosedError("Connection::poll: this end is closed");
  return value_or_throw(os::wait_readable(socket->get(), base::Deadline::in(timeout)),
                        "Connection::poll");
}

// --- the handle ---------------------------------------------------------------------------------

int Connection::fileno() const {
  const std::shared_ptr<const UniqueFd> socket = open_state("fileno").socket();
  if (socket == nullptr) throw ClosedError("Connection::fileno: this end is closed");
  return socket->get();
}

void Connection::close() const noexcept {
  if (state_ == nullptr) return;
  const std::lock_guard guard(state_->mutex);
  state_->fd.reset();
}

bool Connection::closed() const noexcept {
  return state_ == nullptr || state_->generation != os::fork_generation() ||
         state_->socket() == nullptr;
}

bool Connection::readable() const noexcept { return !closed() && state_->is_readable; }
bool Connection::writable() const noexcept { return !closed() && state_->is_writable; }

void Codec<Connection>::encode(Writer& writer, const Connection& connection) {
  const Connection::State& state = connection.open_state("encode");
  writer.put(state.is_readable);
  writer.put(state.is_writable);
  writer.put_fd(connection.state_->socket());
}

Connection Codec<Connection>::decode(Reader& reader) {
  const bool reads = reader.get<bool>();
  const bool writes = reader.get<bool>();
  std::shared_ptr<const UniqueFd> fd = reader.take_fd();
  if (!os::is_unix_socket(fd->get(), os::SocketKind::messages)) {
    throw CodecError("a Connection arrived with a descriptor that is no socket of messages");
  }
  return Connection(std::make_shared<Connection::State>(std::move(fd), reads, writes));
}

}  // namespace shoal
