// SPDX-License-Identifier: Apache-2.0
// StartMethod::forkserver: one clean, single-threaded server a process, executed afresh when it is
// first needed, forks every child. A dead server takes its children with it and is replaced once.

#include <exception>

#include "process/fork_server.hpp"
#include "process/runtime.hpp"
#include "process/source_parts.hpp"
#include "process/spawner.hpp"
#include "process/start_error.hpp"

namespace shoal::process {
namespace {

class ForkServerSource final : public Source {
 public:
  std::shared_ptr<Child> start(const ChildSpec& spec) override {
    const std::string attempt = attempt_to_start(spec.name);
    const BootMessage boot(spec);
    std::shared_ptr<ForkServer> server = shared_server(nullptr);
    base::Result<std::shared_ptr<Child>> child = server->start(boot, attempt);
    if (!child && server->is_dead()) {
      server = shared_server(server);
      child = server->start(boot, attempt);
    }
    return or_start_error(std::move(child), attempt);
  }

 private:
  // The process's server; a new one in the place of `dead`. Servers are opened on the spawner's
  // thread alone, which needs this mutex itself when it replaces a pool's worker: whoever holds it
  // must not wait for that thread.
  std::shared_ptr<ForkServer> shared_server(const std::shared_ptr<ForkServer>& dead) {
    Runtime& runtime = Runtime::instance();
    {
      const std::lock_guard lock(runtime.fork_server_mutex());
      const std::shared_ptr<ForkServer>& shared = runtime.fork_server();
      if (shared && shared != dead) return shared;
    }
    std::shared_ptr<ForkServer> server;
    std::exception_ptr error;
    runtime.spawner().run([&] {
      const std::lock_guard lock(runtime.fork_server_mutex());
      std::shared_ptr<ForkServer>& shared = runtime.fork_server();
      try {
        if (!shared || shared == dead) {
          shared = ForkServer::open(*spawn_, ServerKind::clean, runtime.forkserver_preload());
        }
        server = shared;
      } catch (...) {
        error = std::current_exception();
      }
    });
    if (error) std::rethrow_exception(error);
    return server;
  }

  const std::shared_ptr<Source> spawn_ = make_spawn_source();
};

}  // namespace

std::shared_ptr<Source> make_forkserver_source() { return std::make_shared<ForkServerSource>(); }

}  // namespace shoal::process
