// SPDX-License-Identifier: Apache-2.0
#include "process/boot.hpp"

#include <cstring>
#include <utility>

#include "os/memfd.hpp"
#include "os/socket.hpp"
#include "process/boot_envelope.hpp"
#include "process/start_error.hpp"
#include "shoal/codec.hpp"
#include "shoal/error.hpp"

namespace shoal::process {
namespace {

[[noreturn]] void refuse(const std::string& reason) {
  throw StartError("the message that starts this child is unusable: " + reason);
}

// A message taken apart: where its two parts are, and which descriptors came along.
struct Received {
  Envelope envelope;
  std::vector<std::byte> buffer;
  std::vector<os::Fd> fds;
};

void check(const Received& received, std::size_t size, bool is_cut) {
  const Envelope& envelope = received.envelope;
  if (size < sizeof envelope || envelope.magic != Envelope::kMagic) refuse("it is not one of shoal");
  if (envelope.version != Envelope::kVersion) {
    refuse("its version is " + std::to_string(envelope.version) + ", this program speaks " +
           std::to_string(Envelope::kVersion));
  }
  if (is_cut || received.fds.size() != envelope.descriptors) {
    refuse("descriptors were lost on the way; the limit of open files (RLIMIT_NOFILE) is too low");
  }
  if (received.fds.size() < (envelope.has_overflow != 0 ? 2U : 1U))
    refuse("descriptors are missing");
}

std::optional<Received> receive(int control) {
  Received received;
  received.buffer.resize(sizeof(Envelope) + kMaxInlineBytes);
  base::Result<os::Message> message = os::receive_message(control, received.buffer, os::Wait::yes);
  if (!message && message.error().error != ECONNRESET) {
    throw_start_error(message.error(), "cannot receive the message that starts this child");
  }
  if (!message || (message->size == 0 && message->fds.empty())) return std::nullopt;
  received.fds = std::move(message->fds);
  std::memcpy(&received.envelope, received.buffer.data(), sizeof(Envelope));
  check(received, message->size, message->is_cut);
  const std::size_t inlined = message->size - sizeof(Envelope);
  const Envelope& envelope = received.envelope;
  const bool is_whole =
      envelope.head_bytes <= inlined && envelope.payload_bytes == inlined - envelope.head_bytes;
  if (envelope.has_overflow == 0 && !is_whole) refuse("it is cut");
  return received;
}

// Copies `bytes` bytes at `offset` of the parts, wherever they travelled.
std::vector<std::byte> take(const Received& received, std::size_t offset, std::size_t bytes) {
  if (received.envelope.has_overflow == 0) {
    const auto from =
        received.buffer.begin() + static_cast<std::ptrdiff_t>(sizeof(Envelope) + offset);
    return {from, from + static_cast<std::ptrdiff_t>(bytes)};
  }
  const int file = received.fds[1].get();
  const base::Result<std::size_t> size = os::file_size(file);
  if (!os::is_sealed(file, true) || !size || *size < offset || *size - offset < bytes) {
    refuse("its memory file is damaged");
  }
  std::vector<std::byte> part(bytes);
  or_start_error(os::read_at(file, offset, part), "cannot read the arguments of this child");
  return part;
}

}  // namespace

std::optional<Boot> receive_boot(int control) {
  std::optional<Received> received = receive(control);
  if (!received) return std::nullopt;
  const Envelope& envelope = received->envelope;
  const std::vector<std::byte> head = take(*received, 0, envelope.head_bytes);
  Reader reader(head);
  Boot boot{reader.get<BootHead>(),
            take(*received, envelope.head_bytes, envelope.payload_bytes),
            std::make_shared<const os::Fd>(std::move(received->fds[0])),
            {}};
  reader.finish();
  const std::size_t first = envelope.has_overflow != 0 ? 2 : 1;
  for (std::size_t i = first; i < received->fds.size(); ++i) {
    boot.descriptors.push_back(std::make_shared<const UniqueFd>(std::move(received->fds[i])));
  }
  return boot;
}

}  // namespace shoal::process
