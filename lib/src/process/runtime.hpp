// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "os/fd.hpp"
#include "process/child.hpp"
#include "shoal/start_method.hpp"

namespace shoal::process {

class ForkServer;
class Spawner;

/// Who this process is.
struct Role {
  std::string name = "MainProcess";
  std::string identity = {};  ///< "1:2": second child of the first child; empty in a main process
  bool is_daemon = false;
  bool is_copy = false;  ///< its memory is a host's, forked: unwritten output in it is the host's
  int parent_pid = 0;    ///< 0: not started by shoal
  std::string parent_name = {};
  std::shared_ptr<const os::Fd> parent_sentinel = nullptr;
};

/// One of this process's children, as active_children() lists it.
struct Enrolled {
  std::shared_ptr<Child> child;
  std::string name;
  bool is_daemon = false;
};

/// The one mutable thing a process has of its own: its role, default start method, children, and
/// the helpers it has started. Never destroyed. A forked child does not repair the copy it
/// inherits, whose locks may be held by threads that are not there: it installs a fresh one.
/// Safe from many threads.
class Runtime {
 public:
  static Runtime& instance();

  /// Counts the forks between the program's start and this process: an object that remembers
  /// another generation was made in another process. Costs one load.
  static std::uint32_t generation() noexcept;

  /// Begins the life of a child: a fresh Runtime of `role` in the place of the inherited one.
  static void begin_child(Role role);

  const Role& role() const noexcept { return role_; }
  /// A pidfd of this process, to be handed to its children.
  std::shared_ptr<const os::Fd> own_sentinel();
  /// The identity of the next child: "1", or "2:1" in a child.
  std::string next_identity();

  /// Takes note that bootstrap() ran in a program that was started under the name `argv0`.
  static void note_bootstrap(const char* argv0);
  static bool is_bootstrapped() noexcept;
  /// The name this program was started under; empty before bootstrap().
  static std::string argv0();

  StartMethod start_method() const noexcept;
  /// False if it was set before and `force` is false.
  bool set_start_method(StartMethod method, bool force);
  /// Sets the default without counting as the user's choice.
  void inherit_start_method(StartMethod method) noexcept;

  void enroll(Enrolled child);
  void rename(const Child& child, const std::string& name);
  void dismiss(const Child& child);
  /// The children that run; those that have ended are reaped and dismissed.
  std::vector<Enrolled> active_children();

  /// Runs `hook` when this process ends in an orderly way, before its children are ended; the last
  /// one registered runs first. Also arms the ending of children itself.
  void at_exit(std::function<void()> hook);
  void arm_exit();
  /// Runs the hooks; daemonic children are then told to end (SIGTERM, after 1 s SIGKILL), others
  /// are joined. Does nothing the second time.
  void end() noexcept;

  /// The thread that forks. @throws StartError  it cannot be started
  Spawner& spawner();
  /// The place of this process's fork server, used under fork_server_mutex().
  std::shared_ptr<ForkServer>& fork_server() noexcept { return fork_server_; }
  std::mutex& fork_server_mutex() noexcept { return fork_server_mutex_; }
  /// What a fork server runs first; nullptr: nothing. Used under fork_server_mutex().
  void (*&forkserver_preload() noexcept)() { return forkserver_preload_; }

  /// A place for what the pool floor keeps once per process, used under engine_mutex().
  std::shared_ptr<void>& engine_slot() noexcept { return engine_; }
  std::mutex& engine_mutex() noexcept { return engine_mutex_; }
  /// Likewise for the shared floor.
  std::shared_ptr<void>& commons_slot() noexcept { return commons_; }

  /// Says that a thread is one of shoal's own, which the fork guard does not count.
  void register_own_thread(int id);
  void forget_own_thread(int id);
  bool is_own_thread(int id);
  /// Starts a detached thread of shoal's own, all signals blocked, and returns once it counts as
  /// one. `body` must not throw.
  base::Result<void> start_own_thread(const char* name, std::function<void()> body);

 private:
  explicit Runtime(Role role);
  static void install(Runtime* fresh) noexcept;
  static void after_fork_in_child() noexcept;

  const Role role_;
  std::atomic<StartMethod> start_method_{StartMethod::forkserver};
  std::atomic<bool> is_method_chosen_{false};
  std::atomic<unsigned> identities_{0};
  std::atomic<bool> has_ended_{false};

  std::mutex mutex_;
  std::shared_ptr<const os::Fd> own_sentinel_;  // guarded by mutex_
  std::vector<Enrolled> children_;              // guarded by mutex_
  std::vector<std::function<void()>> hooks_;    // guarded by mutex_
  std::set<int> own_threads_;                   // guarded by mutex_
  bool is_exit_armed_ = false;                  // guarded by mutex_

  std::mutex spawner_mutex_;
  Spawner* spawner_ = nullptr;  // guarded by spawner_mutex_; never destroyed
  std::mutex fork_server_mutex_;
  std::shared_ptr<ForkServer> fork_server_;
  void (*forkserver_preload_)() = nullptr;
  std::mutex engine_mutex_;
  std::shared_ptr<void> engine_;
  std::shared_ptr<void> commons_;
};

}  // namespace shoal::process
