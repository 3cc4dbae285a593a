// SPDX-License-Identifier: Apache-2.0
#include "process/source.hpp"

#include <csignal>
#include <new>
#include <stdexcept>
#include <utility>

#include "base/scope_exit.hpp"
#include "os/event.hpp"
#include "os/sentinel.hpp"
#include "os/socket.hpp"
#include "process/runtime.hpp"
#include "process/source_parts.hpp"
#include "process/start_error.hpp"
#include "shoal/error.hpp"

namespace shoal::process {
namespace {

void require_bootstrap(const char* method) {
  if (Runtime::is_bootstrapped()) return;
  throw StartError(std::string("StartMethod::") + method +
                   " needs shoal::bootstrap(argc, argv) as the first line of main: without it the "
                   "child would run main as this process did, and start children of its own");
}

}  // namespace

std::shared_ptr<Source> open_source(StartMethod method, SourceUse use) {
  require_may_start();
  switch (method) {
    case StartMethod::fork:
      return use == SourceUse::pool ? make_parked_source() : make_fork_source();
    case StartMethod::spawn:
      require_bootstrap("spawn");
      return make_spawn_source();
    case StartMethod::forkserver:
      require_bootstrap("forkserver");
      return make_forkserver_source();
  }
  throw std::invalid_argument("StartMethod: no such method");
}

void require_may_start() {
  const Role& role = Runtime::instance().role();
  if (!role.is_daemon) return;
  throw StartError("\"" + role.name + "\" is a daemonic process, which may not start children");
}

ControlPair make_control_pair(const std::string& attempt) {
  auto [ours, theirs] = or_start_error(os::create_socket_pair(os::SocketKind::messages), attempt);
  return {std::move(ours), std::move(theirs)};
}

std::shared_ptr<Child> take_in(os::ChildProcess process, os::Fd control) {
  try {
    return std::make_shared<Child>(std::move(process), std::move(control));
  } catch (const std::bad_alloc&) {  // neither was moved: memory comes first
    const int sentinel = process.sentinel.get();
    static_cast<void>(os::send_signal(sentinel, SIGKILL));
    static_cast<void>(os::wait_readable(sentinel, base::Deadline::never()));
    static_cast<void>(os::reap(sentinel));
    throw;
  }
}

base::Result<std::shared_ptr<Child>> deliver(const BootMessage& boot, int control,
                                             std::shared_ptr<Child> child) {
  // It has either died or will read an end of file; in both cases it ends without having begun.
  base::ScopeExit abandon([&] {
    os::shut_down(control, 2);
    child->exit_status();
  });
  const base::Result<void> sent = boot.send(control);
  if (!sent) return sent.error();
  abandon.release();
  return child;
}

std::string attempt_to_start(const std::string& name) {
  return "cannot start process \"" + name + "\"";
}

}  // namespace shoal::process
