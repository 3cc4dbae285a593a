// SPDX-License-Identifier: Apache-2.0
#include "shoal/start_method.hpp"

#include <stdexcept>

#include "os/host.hpp"
#include "process/fork_server.hpp"
#include "process/runtime.hpp"
#include "shoal/context.hpp"

namespace shoal {
namespace {

StartMethod checked(StartMethod method) {
  switch (method) {
    case StartMethod::fork:
    case StartMethod::spawn:
    case StartMethod::forkserver:
      return method;
  }
  throw std::invalid_argument("StartMethod: " + std::to_string(static_cast<int>(method)) +
                              " is none of fork, spawn, forkserver");
}

}  // namespace

std::vector<StartMethod> get_all_start_methods() {
  return {StartMethod::fork, StartMethod::spawn, StartMethod::forkserver};
}

void set_start_method(StartMethod method, bool force) {
  if (process::Runtime::instance().set_start_method(checked(method), force)) return;
  throw std::logic_error(
      "set_start_method: the method was set before; pass force = true to change it");
}

StartMethod get_start_method() { return process::Runtime::instance().start_method(); }

void set_forkserver_preload(void (*fn)()) {
  process::Runtime& runtime = process::Runtime::instance();
  const std::lock_guard lock(runtime.fork_server_mutex());
  const std::shared_ptr<process::ForkServer>& server = runtime.fork_server();
  if (server && !server->is_dead()) {
    throw std::logic_error(
        "set_forkserver_preload: the fork server runs already; call it before the first child of "
        "StartMethod::forkserver is started");
  }
  runtime.forkserver_preload() = fn;
}

unsigned cpu_count() { return os::usable_cpus(); }

Context::Context(StartMethod method) : method_(checked(method)) {}

StartMethod Context::get_start_method() const {
  return method_ ? *method_ : shoal::get_start_method();
}

Context get_context(StartMethod method) { return Context(method); }

}  // namespace shoal
