// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <span>
#include <utility>

#include "base/log.hpp"
#include "os/memfd.hpp"
#include "os/socket.hpp"
#include "process/boot.hpp"
#include "process/boot_envelope.hpp"
#include "process/runtime.hpp"
#include "process/start_error.hpp"
#include "shoal/codec.hpp"
#include "shoal/error.hpp"

namespace shoal::process {
namespace {

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

}  // namespace shoal::process
