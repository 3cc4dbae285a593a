// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "os/fd.hpp"
#include "process/boot.hpp"
#include "process/child.hpp"
#include "process/source.hpp"

// What the start methods share, and the sources themselves, one to a file.

namespace shoal::process {

std::shared_ptr<Source> make_fork_source();        // start_fork.cpp
std::shared_ptr<Source> make_parked_source();      // start_fork.cpp
std::shared_ptr<Source> make_spawn_source();       // start_spawn.cpp
std::shared_ptr<Source> make_forkserver_source();  // start_forkserver.cpp

/// The two ends of a child's control socket.
struct ControlPair {
  os::Fd ours;
  os::Fd theirs;
};
ControlPair make_control_pair(const std::string& attempt);

/// The handle of a child of this very process that was just born; where there is no memory for it,
/// the child is ended and reaped.
std::shared_ptr<Child> take_in(os::ChildProcess process, os::Fd control);

/// Gives a child just born its boot message; a child that is gone already is reaped.
base::Result<std::shared_ptr<Child>> deliver(const BootMessage& boot, int control,
                                             std::shared_ptr<Child> child);

/// "cannot start process \"Process-1\"": how errors begin.
std::string attempt_to_start(const std::string& name);

}  // namespace shoal::process
