// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "os/error.hpp"

namespace shoal::os {

/// Starts a detached thread that runs `body(argument)` on a stack of `stack_bytes`, under `name`
/// (cut after 15 bytes) and with every signal blocked: the host's handlers never run on it.
Result<void> start_thread(const char* name, std::size_t stack_bytes, void (*body)(void*),
                          void* argument) noexcept;

/// Has `handler` called in every process that fork(2) makes of this one, before fork returns there.
Result<void> call_in_forked_child(void (*handler)()) noexcept;

/// Lets another thread have this CPU, if one waits for it.
void yield() noexcept;

}  // namespace shoal::os
