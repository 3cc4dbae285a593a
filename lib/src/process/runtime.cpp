// SPDX-License-Identifier: Apache-2.0
#include "process/runtime.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <future>
#include <utility>

#include "base/log.hpp"
#include "os/fork_generation.hpp"
#include "os/thread.hpp"
#include "process/spawner.hpp"
#include "process/start_error.hpp"

namespace shoal::process {
namespace {

// A fork's child runs its function on the spawner's stack: as large as that of a first thread.
constexpr std::size_t kOwnStackBytes = 8 << 20;
constexpr std::chrono::seconds kDaemonGrace{1};

std::atomic<Runtime*> current{nullptr};
std::atomic<const std::string*> bootstrap_name{nullptr};  // set once, never freed

struct OwnThread {
  Runtime* runtime;
  std::function<void()> body;
  std::promise<void> is_registered;
};

void own_thread_main(void* argument) {
  const std::unique_ptr<OwnThread> thread(static_cast<OwnThread*>(argument));
  const int id = os::thread_id();
  thread->runtime->register_own_thread(id);
  thread->is_registered.set_value();
  thread->body();
  thread->runtime->forget_own_thread(id);
}

void end_daemons(const std::vector<Enrolled>& children) {
  for (const Enrolled& one : children) {
    if (one.is_daemon) static_cast<void>(one.child->signal(SIGTERM));
  }
  const base::Deadline deadline = base::Deadline::in(kDaemonGrace);
  for (const Enrolled& one : children) {
    if (!one.is_daemon) continue;
    if (!one.child->wait(deadline)) static_cast<void>(one.child->signal(SIGKILL));
    one.child->exit_status();
  }
}

void run_hook(const std::function<void()>& hook) noexcept {
  try {
    hook();
  } catch (const std::exception& error) {
    base::log(LogLevel::error, std::string("an exit hook failed: ") + error.what());
  } catch (...) {
    base::log(LogLevel::error, "an exit hook failed");
  }
}

}  // namespace

Runtime::Runtime(Role role) : role_(std::move(role)) {}

Runtime& Runtime::instance() {
  // acquire: pairs with the release that publishes it; whoever sees the pointer sees it complete.
  if (Runtime* made = current.load(std::memory_order_acquire)) return *made;
  std::unique_ptr<Runtime> fresh(new Runtime(Role{}));
  Runtime* expected = nullptr;
  if (!current.compare_exchange_strong(expected, fresh.get(), std::memory_order_acq_rel)) {
    return *expected;
  }
  const base::Result<void> called = os::call_in_forked_child(&Runtime::after_fork_in_child);
  if (!called) base::log(LogLevel::error, called.error().to_string());
  return *fresh.release();
}

std::uint32_t Runtime::generation() noexcept { return os::fork_generation(); }

// Runs in every child of fork(2), the host's own included, where only this thread lives.
void Runtime::after_fork_in_child() noexcept {
  base::reset_log_after_fork();
  const Runtime* inherited = current.load(std::memory_order_relaxed);
  Role role;
  role.name = inherited->role_.name;
  role.identity = inherited->role_.identity;
  role.is_daemon = inherited->role_.is_daemon;
  role.is_copy = true;
  auto* fresh = new Runtime(std::move(role));
  fresh->start_method_ = inherited->start_method_.load();
  fresh->is_method_chosen_ = inherited->is_method_chosen_.load();
  current.store(fresh, std::memory_order_release);
}

void Runtime::begin_child(Role role) {
  instance();
  current.store(new Runtime(std::move(role)), std::memory_order_release);
}

std::shared_ptr<const os::Fd> Runtime::own_sentinel() {
  const std::lock_guard lock(mutex_);
  if (!own_sentinel_) {
    own_sentinel_ = std::make_shared<const os::Fd>(
        or_start_error(os::open_sentinel(os::process_id()), "cannot open this process's pidfd"));
  }
  return own_sentinel_;
}

std::string Runtime::next_identity() {
  const std::string number = std::to_string(identities_.fetch_add(1) + 1);
  return role_.identity.empty() ? number : role_.identity + ':' + number;
}

void Runtime::note_bootstrap(const char* argv0) {
  auto name = std::make_unique<const std::string>(argv0);
  const std::string* expected = nullptr;
  if (bootstrap_name.compare_exchange_strong(expected, name.get())) {
    static_cast<void>(name.release());
  }
}

bool Runtime::is_bootstrapped() noexcept { return bootstrap_name.load() != nullptr; }

std::string Runtime::argv0() {
  const std::string* name = bootstrap_name.load();
  return name == nullptr ? std::string() : *name;
}

StartMethod Runtime::start_method() const noexcept { return start_method_.load(); }

bool Runtime::set_start_method(StartMethod method, bool force) {
  if (is_method_chosen_.exchange(true) && !force) return false;
  start_method_ = method;
  return true;
}

void Runtime::inherit_start_method(StartMethod method) noexcept { start_method_ = method; }

void Runtime::enroll(Enrolled child) {
  arm_exit();
  const std::lock_guard lock(mutex_);
  children_.push_back(std::move(child));
}

void Runtime::rename(const Child& child, const std::string& name) {
  const std::lock_guard lock(mutex_);
  for (Enrolled& one : children_) {
    if (one.child.get() == &child) one.name = name;
  }
}

void Runtime::dismiss(const Child& child) {
  const std::lock_guard lock(mutex_);
  std::erase_if(children_, [&](const Enrolled& one) { return one.child.get() == &child; });
}

std::vector<Enrolled> Runtime::active_children() {
  std::vector<Enrolled> running;
  std::vector<Enrolled> ended;
  const std::lock_guard lock(mutex_);
  for (Enrolled& one : children_) (one.child->has_ended() ? ended : running).push_back(one);
  for (const Enrolled& one : ended) one.child->exit_status();
  children_ = running;
  return running;
}

void Runtime::at_exit(std::function<void()> hook) {
  arm_exit();
  const std::lock_guard lock(mutex_);
  hooks_.push_back(std::move(hook));
}

void Runtime::arm_exit() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(is_exit_armed_, true)) std::atexit([] { instance().end(); });
}

void Runtime::end() noexcept {
  if (has_ended_.exchange(true)) return;
  std::vector<std::function<void()>> hooks;
  std::vector<Enrolled> children;
  {
    const std::lock_guard lock(mutex_);
    hooks = std::exchange(hooks_, {});
    children = std::exchange(children_, {});
  }
  for (auto hook = hooks.rbegin(); hook != hooks.rend(); ++hook) run_hook(*hook);
  end_daemons(children);
  for (const Enrolled& one : children) one.child->exit_status();
}

Spawner& Runtime::spawner() {
  const std::lock_guard lock(spawner_mutex_);
  if (spawner_ == nullptr) {
    auto fresh = std::make_unique<Spawner>();
    or_start_error(start_own_thread("shoal-spawner", [spawner = fresh.get()] { spawner->serve(); }),
                   "cannot start the thread that starts processes");
    spawner_ = fresh.release();
  }
  return *spawner_;
}

void Runtime::register_own_thread(int id) {
  const std::lock_guard lock(mutex_);
  own_threads_.insert(id);
}

void Runtime::forget_own_thread(int id) {
  const std::lock_guard lock(mutex_);
  own_threads_.erase(id);
}

bool Runtime::is_own_thread(int id) {
  const std::lock_guard lock(mutex_);
  return own_threads_.contains(id);
}

base::Result<void> Runtime::start_own_thread(const char* name, std::function<void()> body) {
  auto thread = std::make_unique<OwnThread>(OwnThread{this, std::move(body), {}});
  std::future<void> is_registered = thread->is_registered.get_future();
  const base::Result<void> started =
      os::start_thread(name, kOwnStackBytes, own_thread_main, thread.get());
  if (!started) return started;
  static_cast<void>(thread.release());  // the thread's now
  is_registered.wait();
  return {};
}

}  // namespace shoal::process
