// SPDX-License-Identifier: Apache-2.0
#include "process/server_main.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "os/after_fork.hpp"
#include "os/child.hpp"
#include "os/crash_handler.hpp"
#include "os/event.hpp"
#include "os/signal.hpp"
#include "os/socket.hpp"
#include "process/child_main.hpp"
#include "process/preload.hpp"
#include "process/runtime.hpp"
#include "process/server_protocol.hpp"
#include "process/server_request.hpp"
#include "shoal/codec.hpp"

namespace shoal::process {
namespace {

// A parked copy of a large host is the first thing the kernel should take back, not the host.
constexpr int kParkedMemoryKillerScore = 500;

class Server {
 public:
  Server(ServerKind kind, int requests, int reports, int parent, os::Fd children) noexcept
      : birth_(kind == ServerKind::parked ? Birth::copy : Birth::fresh),
        requests_(requests),
        reports_(reports),
        parent_(parent),
        children_(std::move(children)) {}

  // Serves until the parent has ended.
  void serve();
  // Kills all that is left.
  static void sweep() noexcept;

 private:
  void answer();
  void start(const StartRequest& request, std::vector<os::Fd> fds);
  [[noreturn]] void become_child(const StartRequest& request, std::vector<os::Fd> fds,
                                 int server) const;
  void collect_ends();
  void send_reports();

  const Birth birth_;
  const int requests_;
  const int reports_;
  const int parent_;
  const os::Fd children_;
  std::unordered_map<int, std::uint64_t> tickets_;  // by pid
  std::deque<ExitReport> unsent_;
  bool is_deserted_ = false;  // the parent has closed the request socket
};

void Server::serve() {
  while (!is_deserted_) {
    std::array<os::Watched, 4> watched{
        {{parent_}, {requests_}, {children_.get()}, {unsent_.empty() ? -1 : reports_, true}}};
    if (!os::wait_ready(watched, base::Deadline::never())) return;
    if (watched[0].is_ready) return;
    if (watched[2].is_ready) collect_ends();
    if (watched[3].is_ready) send_reports();
    if (watched[1].is_ready) answer();
  }
}

void Server::answer() {
  HeardRequest heard = receive_request(requests_);
  switch (heard.kind) {
    case HeardRequest::Kind::nothing:
      return;
    case HeardRequest::Kind::start:
      return start(heard.request, std::move(heard.fds));
    case HeardRequest::Kind::cut: {
      const StartReply refusal{heard.request.ticket, 0, EMFILE};
      static_cast<void>(os::send_message(requests_, bytes_of(refusal), {}, os::Wait::no));
      return;
    }
    case HeardRequest::Kind::end:
      is_deserted_ = true;
  }
}

void Server::start(const StartRequest& request, std::vector<os::Fd> fds) {
  const int server = os::process_id();
  const base::Result<os::ChildProcess> child = os::fork_process();
  if (child && child->pid == 0) become_child(request, std::move(fds), server);
  StartReply reply{request.ticket, 0, 0};
  if (!child) {
    reply.error = child.error().error;
    static_cast<void>(os::send_message(requests_, bytes_of(reply), {}, os::Wait::no));
    return;
  }
  tickets_[child->pid] = request.ticket;
  reply.pid = child->pid;
  const std::array sentinel{child->sentinel.get()};
  // If this fails the parent is gone, and the child with it as soon as the loop looks.
  static_cast<void>(os::send_message(requests_, bytes_of(reply), sentinel, os::Wait::no));
}

// In the child. Nothing here returns to the server's frames, whose descriptors are closed by
// number.
void Server::become_child(const StartRequest& request, std::vector<os::Fd> fds, int server) const {
  if (!os::after_fork::follow_parent(server, SIGKILL)) os::after_fork::exit_now(127);
  os::after_fork::reset_signals();
  const int output = request.has_output != 0 ? fds[1].get() : -1;
  const int error = request.has_error != 0 ? fds.back().get() : -1;
  os::after_fork::place_descriptor(output, 1);
  os::after_fork::place_descriptor(error, 2);
  const int control = fds[0].release();
  os::after_fork::close_all_but(std::array{control});
  for (os::Fd& fd : fds) static_cast<void>(fd.release());
  os::after_fork::drop_unflushed_output();
  run_child(os::Fd(control), birth_);
}

void Server::collect_ends() {
  os::silence_children(children_.get());
  while (const std::optional<os::EndedChild> ended = os::reap_any()) {
    const auto entry = tickets_.find(ended->pid);
    if (entry == tickets_.end()) continue;  // an orphan that came to the server
    unsent_.push_back({entry->second, ended->status, 0, ended->usage});
    tickets_.erase(entry);
  }
  send_reports();
}

void Server::send_reports() {
  while (!unsent_.empty()) {
    const base::Result<void> sent =
        os::send_message(reports_, bytes_of(unsent_.front()), {}, os::Wait::no);
    if (!sent && sent.error().error == EAGAIN) return;
    unsent_.pop_front();  // sent, or nobody is there to read it
  }
}

// Killing a process makes its own children this one's (it is a subreaper): so again until none is
// left.
void Server::sweep() noexcept {
  for (;;) {
    const std::vector<int> children = os::list_children();
    if (children.empty()) return;
    for (const int pid : children) os::kill_child(pid);
    os::wait_any_child();
  }
}

}  // namespace

int server_main(ChildContext& context) {
  Reader payload = context.payload();
  const auto kind = payload.get<ServerKind>();
  const std::shared_ptr<const UniqueFd> reports = payload.take_fd();
  const auto preload = payload.get<std::optional<serial::CodeRef>>();
  os::block_signals();
  // Before the next line: a parent's end is the end of what is being loaded.
  if (preload && !run_preload(*preload, context.control.get())) return 1;
  // From here on the parent's end wakes the server, which sweeps before it goes, instead of killing
  // it. An end before this line shows in the loop's first look at the parent.
  os::after_fork::follow_parent(0, SIGCONT);
  if (!os::adopt_orphans()) return 1;
  base::Result<os::Fd> children = os::watch_children();
  if (!children) return 1;
  if (kind == ServerKind::parked) os::raise_memory_killer_score(kParkedMemoryKillerScore);
  os::prepare_crash_handler();
  Server server(kind, context.control.get(), reports->get(),
                Runtime::instance().role().parent_sentinel->get(), std::move(*children));
  server.serve();
  Server::sweep();
  return 0;
}

}  // namespace shoal::process
