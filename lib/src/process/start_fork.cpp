// SPDX-License-Identifier: Apache-2.0
// StartMethod::fork: copies the caller. For a Process at each start; for a pool once, into a parked
// server from which every worker is forked, so that they are safe whatever the host does later.

#include <array>
#include <csignal>
#include <cstdio>
#include <iostream>

#include "os/after_fork.hpp"
#include "os/host.hpp"
#include "process/child_main.hpp"
#include "process/fork_server.hpp"
#include "process/runtime.hpp"
#include "process/source_parts.hpp"
#include "process/spawner.hpp"
#include "process/start_error.hpp"
#include "shoal/error.hpp"

namespace shoal::process {
namespace {

// A thread that is not in the child may hold a lock there for ever: refused unless wanted.
void refuse_other_threads(const std::string& attempt) {
  const int caller = os::thread_id();
  std::string names;
  for (const os::Thread& thread : os::list_threads()) {
    if (thread.id == caller || Runtime::instance().is_own_thread(thread.id)) continue;
    names += (names.empty() ? "" : ", ") + std::to_string(thread.id) + " \"" + thread.name + '"';
  }
  if (names.empty()) return;
  throw StartError(attempt + " by fork: this process runs other threads (" + names +
                   "), which the child would not have, nor the locks they hold ever be released; "
                   "use StartMethod::forkserver or set ProcessOptions::fork_with_threads");
}

// What the caller has not written yet would be written by the child too.
void flush_standard_output() noexcept {
  try {
    std::cout.flush();
  } catch (...) {
    // A stream that throws on failure: what it holds cannot be written.
  }
  std::fflush(stdout);
}

[[noreturn]] void become_child(int parent, ControlPair& control, bool keeps_descriptors) {
  if (!os::after_fork::follow_parent(parent, SIGKILL)) os::after_fork::exit_now(127);
  os::after_fork::reset_signals();
  control.ours.reset();
  const int own = control.theirs.release();
  if (!keeps_descriptors) {
    os::after_fork::close_all_but(std::array{own});
    os::after_fork::detach_stdin();
  }
  os::after_fork::drop_unflushed_output();
  run_child(os::Fd(own), Birth::copy);
}

class ForkSource final : public Source {
 public:
  std::shared_ptr<Child> start(const ChildSpec& spec) override {
    const std::string attempt = attempt_to_start(spec.name);
    if (!spec.fork_with_threads) refuse_other_threads(attempt);
    const BootMessage boot(spec);
    ControlPair control = make_control_pair(attempt);
    flush_standard_output();
    base::Result<os::ChildProcess> born = base::failure(0, "");
    const int parent = os::process_id();
    Runtime::instance().spawner().run([&] {
      born = os::fork_process();
      if (born && born->pid == 0) become_child(parent, control, spec.keeps_descriptors);
    });
    control.theirs.reset();
    const int ours = control.ours.get();
    auto child = take_in(or_start_error(std::move(born), attempt), std::move(control.ours));
    return or_start_error(deliver(boot, ours, std::move(child)), attempt);
  }
};

// The copy cannot be made again: the caller may have changed, or have threads, since.
class ParkedSource final : public Source {
 public:
  ParkedSource() : server_(ForkServer::open(fork_, ServerKind::parked)) {}

  std::shared_ptr<Child> start(const ChildSpec& spec) override {
    const std::string attempt = attempt_to_start(spec.name);
    return or_start_error(server_->start(BootMessage(spec), attempt), attempt);
  }

 private:
  ForkSource fork_;
  const std::shared_ptr<ForkServer> server_;
};

}  // namespace

std::shared_ptr<Source> make_fork_source() { return std::make_shared<ForkSource>(); }

std::shared_ptr<Source> make_parked_source() { return std::make_shared<ParkedSource>(); }

}  // namespace shoal::process
