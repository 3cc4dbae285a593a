// SPDX-License-Identifier: Apache-2.0
// What a child hears at its start, and a fork server from its owner. A message is read or refused
// by one of shoal's errors, and no descriptor of it stays behind.
#include <fcntl.h>
#include <unistd.h>

#include <shoal/error.hpp>
#include <vector>

#include "fuzz/dice.hpp"
#include "os/memfd.hpp"
#include "os/socket.hpp"
#include "process/boot.hpp"
#include "process/boot_envelope.hpp"
#include "process/server_request.hpp"

namespace shoal::fuzz {
namespace {

// As the sender of a message wants it: some files, sealed or not, of some of the bytes.
std::vector<os::Fd> make_descriptors(Dice& dice) {
  std::vector<os::Fd> fds;
  for (std::size_t count = dice.pick(5); count > 0; --count) {
    const std::span<const std::byte> bytes = dice.take_bytes(dice.take<std::uint8_t>());
    const std::size_t kind = dice.pick(3);
    if (kind == 0) fds.push_back(value_of(os::make_sealed_file("fuzz", bytes)));
    if (kind == 1) fds.push_back(value_of(os::create_shared_file("fuzz", bytes.size())));
    if (kind == 2) fds.push_back(value_of(os::duplicate_high(0)));
  }
  return fds;
}

void send(int socket, std::span<const std::byte> bytes, const std::vector<os::Fd>& fds) {
  std::vector<int> numbers;
  for (const os::Fd& fd : fds) numbers.push_back(fd.get());
  static_cast<void>(os::send_message(socket, bytes, numbers, os::Wait::no));
}

// Most of the time the envelope says what is so, and there is a head: nothing else gets far.
std::vector<std::byte> make_boot_message(Dice& dice, std::size_t descriptors) {
  const bool is_plausible = dice.pick(8) != 0;
  process::Envelope envelope;
  if (is_plausible) {
    envelope.has_overflow = static_cast<std::uint32_t>(dice.pick(4) / 3);
    envelope.descriptors = static_cast<std::uint32_t>(descriptors);
    envelope.head_bytes = dice.take<std::uint8_t>();
  }
  const std::span<const std::byte> rest = dice.rest();
  if (!is_plausible) return {rest.begin(), rest.end()};
  envelope.payload_bytes = rest.size() - std::min<std::size_t>(envelope.head_bytes, rest.size());
  const auto begin = std::as_bytes(std::span(&envelope, 1));
  std::vector<std::byte> bytes(begin.begin(), begin.end());
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

void boot(Dice& dice) {
  auto [parent, child] = value_of(os::create_socket_pair(os::SocketKind::messages));
  const std::vector<os::Fd> fds = make_descriptors(dice);
  send(parent.get(), make_boot_message(dice, fds.size()), fds);
  parent.reset();
  try {
    const std::optional<process::Boot> boot = process::receive_boot(child.get());
    if (!boot) return;
    require(static_cast<bool>(boot->parent_sentinel), "a message that is taken has a sentinel");
    Reader payload(boot->payload, boot->descriptors);
    static_cast<void>(payload.get<std::string>());
  } catch (const Error&) {
  }
}

void request(Dice& dice) {
  auto [owner, server] = value_of(os::create_socket_pair(os::SocketKind::messages));
  const std::vector<os::Fd> fds = make_descriptors(dice);
  send(owner.get(), dice.rest(), fds);
  const process::HeardRequest heard = process::receive_request(server.get());
  if (heard.kind != process::HeardRequest::Kind::start) return;
  require(heard.fds.size() == 1 + (heard.request.has_output != 0 ? 1U : 0U) +
                                  (heard.request.has_error != 0 ? 1U : 0U),
          "a child gets the descriptors that it looks for");
}

// The number that the next descriptor gets.
int next_descriptor() {
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(fd);
  return fd;
}

}  // namespace
}  // namespace shoal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace shoal::fuzz;
  const int before = next_descriptor();
  Dice dice(data, size);
  dice.pick(4) == 0 ? request(dice) : boot(dice);
  require(next_descriptor() == before, "no descriptor stays behind");
  return 0;
}
