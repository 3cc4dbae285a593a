// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "process/child.hpp"
#include "serial/function_ref.hpp"

// What a fork server runs before it forks anybody (set_forkserver_preload). Its first message to
// its owner tells how that went: nothing but a byte, or what went wrong as text.

namespace shoal::process {

using Preload = void (*)();

/// In the server: runs the function and says how it went; false if it failed.
bool run_preload(const serial::CodeRef& function, int control) noexcept;

/// In the owner: waits until the server has run it.
/// @throws StartError  it threw, exited, crashed, or left threads behind
void await_preload(Child& server, int control);

}  // namespace shoal::process
