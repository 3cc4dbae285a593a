// SPDX-License-Identifier: Apache-2.0
// StartMethod::spawn: executes this program afresh. Its cost does not grow with the caller's
// memory.

#include <csignal>

#include "process/bootstrap.hpp"
#include "process/runtime.hpp"
#include "process/source_parts.hpp"
#include "process/spawner.hpp"
#include "process/start_error.hpp"

namespace shoal::process {
namespace {

os::Launch launch_of_this_program(int passed_fd) {
  os::Launch launch;
  launch.path = "/proc/self/exe";  // the running program, also after its file was replaced
  launch.arguments = {Runtime::argv0(), kChildMarker};
  launch.environment = os::environment();
  launch.passed_fd = passed_fd;
  launch.detach_stdin = true;
  launch.death_signal = SIGKILL;
  return launch;
}

class SpawnSource final : public Source {
 public:
  std::shared_ptr<Child> start(const ChildSpec& spec) override {
    const std::string attempt = attempt_to_start(spec.name);
    const BootMessage boot(spec);
    ControlPair control = make_control_pair(attempt);
    const os::Launch launch = launch_of_this_program(control.theirs.get());
    base::Result<os::ChildProcess> born = base::failure(0, "");
    Runtime::instance().spawner().run([&] { born = os::launch(launch); });
    control.theirs.reset();
    const int ours = control.ours.get();
    auto child = take_in(or_start_error(std::move(born), attempt), std::move(control.ours));
    return or_start_error(deliver(boot, ours, std::move(child)), attempt);
  }
};

}  // namespace

std::shared_ptr<Source> make_spawn_source() { return std::make_shared<SpawnSource>(); }

}  // namespace shoal::process
