// SPDX-License-Identifier: Apache-2.0
#include "process/boot.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "base/log.hpp"
#include "os/memfd.hpp"
#include "os/socket.hpp"
#include "process/runtime.hpp"
#include "process/start_error.hpp"
#include "shoal/codec.hpp"
#include "shoal/error.hpp"

namespace shoal::process {
namespace {

constexpr std::uint32_t kMagic = 0x4c414853;  // "SHAL"
constexpr std::uint32_t kVersion = 1;

struct Envelope {
  std::uint32_t magic = kMagic;
  std::uint32_t version = kVersion;
  std::uint64_t head_bytes = 0;
  std::uint64_t payload_bytes = 0;
  std::uint32_t descriptors = 0;  ///< all that ride along: the kernel drops what finds no room
  std::uint32_t has_overflow = 0;
};

BootHead make_head(const ChildSpec& spec) {
  Runtime& runtime = Runtime::instance();
  return {spec.name,
          spec.identity.empty() ? runtime.next_identity() : spec.identity,
          spec.is_daemon,
          os::process_id(),
          runtime.role().name,
          runtime.start_method(),
          base::log_level(),
          spec.environment,
          serial::locate(reinterpret_cast<std::uintptr_t>(spec.entry))};
}

void check_descriptors(const Writer& payload) {
  constexpr std::size_t kMost = os::kMaxDescriptorsPerMessage - 2;  // pidfd and memfd ride along
  const std::size_t count = payload.descriptors().size();
  if (count <= kMost) return;
  throw ResourceError("the arguments of a process carry " + std::to_string(count) +
                      " descriptors; at most " + std::to_string(kMost) + " can travel at once");
}

os::Fd make_overflow(std::span<const std::byte> head, std::span<const std::byte> payload) {
  const std::string attempt = "cannot store the arguments of a process";
  os::Fd file = or_start_error(os::create_shared_file("shoal-boot", 0), attempt);
  or_start_error(os::write_all(file.get(), head), attempt);
  or_start_error(os::write_all(file.get(), payload), attempt);
  or_start_error(os::seal(file.get(), os::Writers::nobody), attempt);
  return file;
}

template <class T>
void append(std::vector<std::byte>& bytes, const T& part) {
  const std::span<const std::byte> more = std::as_bytes(std::span(part));
  bytes.insert(bytes.end(), more.begin(), more.end());
}

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
  if (size < sizeof envelope || envelope.magic != kMagic) refuse("it is not one of shoal");
  if (envelope.version != kVersion) {
    refuse("its version is " + std::to_string(envelope.version) + ", this program speaks " +
           std::to_string(kVersion));
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

BootMessage::BootMessage(const ChildSpec& spec)
    : own_sentinel_(Runtime::instance().own_sentinel()) {
  check_descriptors(spec.payload);
  Writer head;
  head.put(make_head(spec));
  const std::span<const std::byte> payload = spec.payload.bytes();
  payload_descriptors_ = spec.payload.descriptors();
  Envelope envelope;
  envelope.head_bytes = head.bytes().size();
  envelope.payload_bytes = payload.size();
  envelope.has_overflow = head.bytes().size() + payload.size() > kMaxInlineBytes ? 1 : 0;
  envelope.descriptors =
      static_cast<std::uint32_t>(1 + envelope.has_overflow + payload_descriptors_.size());
  append(bytes_, std::array{envelope});
  if (envelope.has_overflow != 0) {
    overflow_ = make_overflow(head.bytes(), payload);
  } else {
    append(bytes_, head.bytes());
    append(bytes_, payload);
  }
}

base::Result<void> BootMessage::send(int control) const {
  std::vector<int> fds{own_sentinel_->get()};
  if (overflow_) fds.push_back(overflow_.get());
  for (const auto& descriptor : payload_descriptors_) fds.push_back(descriptor->get());
  return os::send_message(control, bytes_, fds, os::Wait::yes);
}

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
