// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <mutex>
#include <string>

#include "base/or_resource_error.hpp"
#include "channel/transport.hpp"
#include "memory/mapping.hpp"
#include "os/memfd.hpp"
#include "os/network.hpp"
#include "os/socket.hpp"

// A message is one packet of a SOCK_SEQPACKET socket, which the kernel hands over whole or not at
// all:
//
//   0        8        16            24
//   | type   | size   | descriptors | bytes, up to kLargestPacket ...
//
// `type` is the hash of the value's type, or 0 for bytes. Where `size` is larger than
// kLargestPacket the bytes are in a sealed shared file, which is the packet's first descriptor.
//
// A server without a key says its hello (handshake.hpp) in a packet of its own, before its first
// message; where several processes have the server's end each may do so.

namespace shoal::channel {
namespace {

constexpr std::size_t kLargestPacket = 64 << 10;

struct PacketHeader {
  std::uint64_t type;
  std::uint64_t size;
  std::uint64_t descriptors;
};

struct Packet {
  PacketHeader header{};
  std::shared_ptr<std::vector<std::byte>> bytes;  // with the header
  std::vector<os::Fd> fds;
};

[[noreturn]] void fail_end() {
  throw EndOfStreamError("Connection::recv: the stream has ended: no other end is left");
}

Packet receive_packet(int socket) {
  Packet packet;
  packet.bytes = std::make_shared<std::vector<std::byte>>(sizeof(PacketHeader) + kLargestPacket);
  os::Result<os::Message> message = os::receive_message(socket, *packet.bytes, os::Wait::yes);
  // Said once, where the other end was closed with messages unread; what it sent is still there.
  if (!message && message.error().error == ECONNRESET) {
    message = os::receive_message(socket, *packet.bytes, os::Wait::yes);
  }
  if (!message && message.error().error != ECONNRESET) {
    base::throw_resource_error(message.error(), "Connection::recv");
  }
  if (!message || message->size == 0) fail_end();
  if (message->is_cut) {
    message->fds.clear();  // what follows may need some
    throw ResourceError(std::make_error_code(std::errc::too_many_files_open),
                        "Connection::recv: the descriptors of a message did not fit this process; "
                        "the message is gone");
  }
  packet.bytes->resize(message->size);
  packet.fds = std::move(message->fds);
  return packet;
}

void check_packet(Packet& packet) {
  const std::size_t size = packet.bytes->size();
  if (size < sizeof packet.header) throw CodecError("Connection::recv: a torn message");
  std::memcpy(&packet.header, packet.bytes->data(), sizeof packet.header);
  const bool has_file = packet.header.size > kLargestPacket;
  const std::size_t inline_size = has_file ? 0 : packet.header.size;
  if (size != sizeof packet.header + inline_size ||
      packet.header.descriptors > os::kMaxDescriptorsPerMessage ||
      packet.fds.size() != packet.header.descriptors + (has_file ? 1 : 0)) {
    throw CodecError("Connection::recv: a message that contradicts itself");
  }
}

// The file of a large message is a stranger's.
memory::Mapping map_message(const os::Fd& file, std::size_t size) {
  os::Result<memory::Mapping> mapping = memory::Mapping::map_sealed(file.get(), size);
  if (!mapping && mapping.error().error == EPROTO) {
    throw CodecError("Connection::recv: a large message in a file that is not sealed or not whole");
  }
  return base::or_resource_error(std::move(mapping), "Connection::recv");
}

std::optional<Hello> hello_in(const std::vector<std::byte>& packet) {
  Hello hello;
  if (packet.size() != sizeof hello) return {};
  std::memcpy(&hello, packet.data(), sizeof hello);
  if (hello.magic != kHelloMagic) return {};
  return hello;
}

class Packets : public Transport {
 public:
  Packets(std::shared_ptr<const UniqueFd> socket, Greeting greeting)
      : Transport(std::move(socket)),
        to_say_(greeting.to_say),
        is_greeting_expected_(greeting.is_expected) {}

  void send(const Writer& message, std::uint64_t type) override;
  Received receive(std::size_t most) override;
  void encode(Writer& writer) override;

 private:
  void send_packet(std::span<const std::byte> packet, std::span<const int> fds);
  void say_hello();
  void look_for_refusal();

  std::mutex greeting_mutex_;  // guards to_say_; held until it was said
  std::optional<Hello> to_say_;
  const bool is_greeting_expected_;
};

void Packets::send(const Writer& message, std::uint64_t type) {
  const std::span<const std::byte> bytes = message.bytes();
  const PacketHeader header{type, bytes.size(), message.descriptors().size()};
  std::vector<int> fds;
  os::Fd file;
  std::vector<std::byte> packet(sizeof header);
  std::memcpy(packet.data(), &header, sizeof header);
  if (bytes.size() <= kLargestPacket) {
    packet.insert(packet.end(), bytes.begin(), bytes.end());
  } else {
    file =
        base::or_resource_error(os::make_sealed_file("shoal-message", bytes), "Connection::send");
    fds.push_back(file.get());
  }
  for (const auto& fd : message.descriptors()) fds.push_back(fd->get());
  if (fds.size() > os::kMaxDescriptorsPerMessage) {
    throw CodecError("Connection::send: the value has " + std::to_string(fds.size()) +
                     " descriptors; a message carries at most " +
                     std::to_string(os::kMaxDescriptorsPerMessage));
  }
  say_hello();
  send_packet(packet, fds);
}

void Packets::say_hello() {
  const std::lock_guard guard(greeting_mutex_);
  if (!to_say_) return;
  send_packet(std::as_bytes(std::span(&*to_say_, 1)), {});
  to_say_.reset();
}

void Packets::send_packet(std::span<const std::byte> packet, std::span<const int> fds) {
  const os::Result<void> sent = os::send_message(socket()->get(), packet, fds, os::Wait::yes);
  if (sent) return;
  const int error = sent.error().error;
  if (error != EPIPE && error != ECONNRESET) {
    base::throw_resource_error(sent.error(), "Connection::send");
  }
  look_for_refusal();
  throw ClosedError(code_of(sent.error()), "Connection::send: no other end is left");
}

// A server that asks for a key says so and hangs up; its messages, if any, are left where they are.
void Packets::look_for_refusal() {
  if (!is_greeting_expected_) return;
  Hello hello;
  const auto bytes = std::as_writable_bytes(std::span(&hello, 1));
  os::Result<std::size_t> size = os::peek(socket()->get(), bytes);
  if (!size) size = os::peek(socket()->get(), bytes);  // as in receive_packet()
  if (size && *size == sizeof hello && hello.magic == kHelloMagic) check_greeting(hello);
}

Received Packets::receive(std::size_t /*most*/) {
  Packet packet = receive_packet(socket()->get());
  while (is_greeting_expected_) {
    const std::optional<Hello> hello = hello_in(*packet.bytes);
    if (!hello) break;
    check_greeting(*hello);
    packet = receive_packet(socket()->get());
  }
  check_packet(packet);
  Received received;
  received.type = packet.header.type;
  received.size = packet.header.size;
  auto fd = packet.fds.begin();
  if (packet.header.size > kLargestPacket) {
    auto mapping = std::make_shared<memory::Mapping>(map_message(*fd++, packet.header.size));
    received.view = mapping->bytes();
    received.owner = std::move(mapping);
  } else {
    received.view = std::span(*packet.bytes).subspan(sizeof packet.header);
    received.owner = std::move(packet.bytes);
  }
  for (; fd != packet.fds.end(); ++fd) {
    received.descriptors.push_back(std::make_shared<const UniqueFd>(std::move(*fd)));
  }
  return received;
}

void Packets::encode(Writer& writer) {
  const std::lock_guard guard(greeting_mutex_);
  encode_greeting(writer, {to_say_, is_greeting_expected_});
}

}  // namespace

std::shared_ptr<Transport> make_packets(std::shared_ptr<const UniqueFd> socket, Greeting greeting) {
  return std::make_shared<Packets>(std::move(socket), greeting);
}

}  // namespace shoal::channel
