// SPDX-License-Identifier: Apache-2.0
#include "process/fork_server.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <optional>
#include <utility>
#include <vector>

#include "base/scope_exit.hpp"
#include "os/event.hpp"
#include "os/socket.hpp"
#include "process/runtime.hpp"
#include "process/source_parts.hpp"
#include "process/start_error.hpp"
#include "shoal/codec.hpp"

namespace shoal::process {
namespace {

// How long a server that is no longer needed may take to sweep.
constexpr std::chrono::seconds kSweepGrace{1};

}  // namespace

ForkServer::ForkServer(std::shared_ptr<Child> server, os::Fd reports) noexcept
    : server_(std::move(server)),
      generation_(Runtime::generation()),
      reports_(std::move(reports), server_),
      requests_(server_->take_control()) {}

std::shared_ptr<ForkServer> ForkServer::open(Source& origin, ServerKind kind,
                                             Preload preload) {
  auto [ours, theirs] = or_start_error(os::create_socket_pair(os::SocketKind::messages),
                                       "cannot start a fork server");
  ChildSpec spec;
  spec.name = kind == ServerKind::clean ? "shoal-server" : "shoal-parked";
  spec.identity = "server";
  spec.entry = server_main;
  spec.payload.put(kind);
  spec.payload.put_fd(std::make_shared<const UniqueFd>(std::move(theirs)));
  std::optional<serial::CodeRef> function;
  if (preload != nullptr) function = serial::locate(reinterpret_cast<std::uintptr_t>(preload));
  spec.payload.put(function);
  std::shared_ptr<ForkServer> server(new ForkServer(origin.start(spec), std::move(ours)));
  if (preload != nullptr) await_preload(*server->server_, server->requests_.get());
  return server;
}

ForkServer::~ForkServer() {
  if (generation_ != Runtime::generation()) {
    static_cast<void>(requests_.release());
    return;
  }
  // Not only closed: a forked child may hold a copy of the descriptor.
  os::shut_down(requests_.get(), 2);
  if (!server_->wait(base::Deadline::in(kSweepGrace))) {
    static_cast<void>(server_->signal(SIGKILL));
  }
  server_->exit_status();
}

base::Result<std::shared_ptr<Child>> ForkServer::start(const BootMessage& boot,
                                                       const std::string& attempt) {
  ControlPair control = make_control_pair(attempt);
  const int ours = control.ours.get();
  auto child = fork_child(control.theirs, std::move(control.ours));
  control.theirs.reset();
  if (!child) return child;
  return deliver(boot, ours, std::move(*child));
}

base::Result<std::shared_ptr<Child>> ForkServer::fork_child(const os::Fd& child_end,
                                                            os::Fd control) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t ticket = ++last_ticket_;
  reports_.expect(ticket);
  base::ScopeExit forget([&] { reports_.forget(ticket); });
  const base::Result<void> sent = send_request(ticket, child_end);
  if (!sent) return sent.error();
  base::Result<os::ChildProcess> process = receive_reply(ticket);
  if (!process) return process.error();
  auto child = std::make_shared<Child>(
      std::move(*process), std::move(control),
      std::shared_ptr<ExitReports>(shared_from_this(), &reports_), ticket);
  forget.release();
  return child;
}

// The child writes where this process writes now, not where it wrote when the server began.
base::Result<void> ForkServer::send_request(std::uint64_t ticket, const os::Fd& child_end) {
  StartRequest request{ticket, os::is_open(1) ? 1U : 0U, os::is_open(2) ? 1U : 0U};
  std::vector<int> fds{child_end.get()};
  if (request.has_output != 0) fds.push_back(1);
  if (request.has_error != 0) fds.push_back(2);
  base::Result<void> sent =
      os::send_message(requests_.get(), bytes_of(request), fds, os::Wait::yes);
  if (!sent && (sent.error().error == EPIPE || sent.error().error == ECONNRESET)) {
    return dead_server();
  }
  return sent;
}

base::Result<os::ChildProcess> ForkServer::receive_reply(std::uint64_t ticket) {
  const std::array watched{requests_.get(), server_->sentinel()};
  for (;;) {
    const auto ready = os::wait_readable(watched, base::Deadline::never());
    if (!ready) return ready.error();
    StartReply reply;
    base::Result<os::Message> message =
        os::receive_message(requests_.get(), writable_bytes_of(reply), os::Wait::no);
    if (!message && message.error().error == EAGAIN && !is_dead()) continue;
    if (!message || message->size != sizeof reply) return dead_server();
    if (reply.ticket != ticket) continue;  // of a request that was given up
    if (reply.error != 0) return base::failure(reply.error, "fork", "in server %d", server_->pid());
    if (message->fds.empty())
      return base::failure(EMFILE, "recvmsg", "a pidfd from %d", server_->pid());
    return os::ChildProcess{reply.pid, std::move(message->fds[0])};
  }
}

// Its sockets go a moment before it does; it is reaped at once, although its children's handles
// still hold it.
base::Failure ForkServer::dead_server() {
  server_->exit_status();
  return base::failure(ESRCH, "fork", "in server %d, which has ended", server_->pid());
}

}  // namespace shoal::process
