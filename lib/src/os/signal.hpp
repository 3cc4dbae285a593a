// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "os/fd.hpp"
#include "os/sentinel.hpp"

namespace shoal::os {

/// Blocks every signal in the calling thread: for helpers that end with their parent only. Not
/// ignored, because a child forked from here would lose what is sent to it before it has reset its
/// signals; blocked ones wait.
void block_signals() noexcept;

/// Makes a descriptor that becomes readable when a child ends; SIGCHLD must be blocked.
Result<Fd> watch_children() noexcept;

/// Makes such a descriptor unreadable until the next child ends.
void silence_children(int watch) noexcept;

struct EndedChild {
  int pid = 0;
  int status = 0;  ///< as of wait(2); see decode_wait_status
  Usage usage = {};
};

/// Reaps any child of this process that has ended.
std::optional<EndedChild> reap_any() noexcept;

/// Reaps any child, waiting for one to end; none where there is no child left.
std::optional<EndedChild> wait_any_child() noexcept;

}  // namespace shoal::os
