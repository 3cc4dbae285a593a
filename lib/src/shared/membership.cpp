// SPDX-License-Identifier: Apache-2.0
#include "shared/membership.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "base/or_resource_error.hpp"
#include "os/event.hpp"
#include "os/socket.hpp"
#include "shoal/error.hpp"

namespace shoal::shared {
namespace {

[[noreturn]] void fail_dead(const HubAddress& hub) {
  throw ClosedError("a handle's object belonged to the process " + std::to_string(hub.pid) +
                    ", which is dead");
}

void check(const HubAddress& hub, const Answer& answer) {
  if (answer.error == 0) return;
  throw ResourceError(std::error_code(answer.error, std::generic_category()),
                      "the process " + std::to_string(hub.pid) +
                          ", which owns a shared object, cannot take this process in");
}

}  // namespace

Tether::Tether() {
  auto [ours, theirs] = base::or_resource_error(os::create_socket_pair(os::SocketKind::messages),
                                                "cannot reach the owner of a shared object");
  // What a careless close() in a task hits is then another descriptor.
  ours_ = base::or_resource_error(os::duplicate_high(ours.get()), "cannot keep a tether");
  theirs_ = std::move(theirs);
}

Tether::Reply Tether::ask(const HubAddress& hub, Question question, std::span<const int> fds) {
  const std::lock_guard guard(mutex_);
  question.nonce = ++nonce_;
  const auto bytes = std::as_bytes(std::span(&question, 1));
  const os::Result<void> sent = os::send_message(hub.door->get(), bytes, fds, os::Wait::yes);
  if (!sent && (sent.error().error == EPIPE || sent.error().error == ECONNRESET)) fail_dead(hub);
  base::or_resource_error(sent, "cannot reach the owner of a shared object");
  Reply reply = await_answer(hub, question.nonce);
  check(hub, reply.answer);
  return reply;
}

Tether::Reply Tether::await_answer(const HubAddress& hub, std::uint64_t nonce) {
  const std::array<int, 2> both{ours_.get(), hub.sentinel->get()};
  for (;;) {
    const auto ready =
        base::or_resource_error(os::wait_readable(both, base::Deadline::never()), "poll");
    if (ready.front() != 0) fail_dead(hub);
    Reply reply;
    os::Result<os::Message> message = os::receive_message(
        ours_.get(), std::as_writable_bytes(std::span(&reply.answer, 1)), os::Wait::no);
    if (!message && message.error().error == EAGAIN) continue;
    os::Message received = base::or_resource_error(std::move(message), "recvmsg");
    // Answers to what an earlier caller has given up asking are passed over.
    if (received.size != sizeof(Answer) || reply.answer.hub != hub.hub ||
        reply.answer.nonce != nonce) {
      continue;
    }
    if (received.is_cut) {
      throw ResourceError(std::make_error_code(std::errc::too_many_files_open),
                          "the descriptors of a message did not fit this process");
    }
    reply.fds = std::move(received.fds);
    return reply;
  }
}

}  // namespace shoal::shared
