// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <shoal/error.hpp>

namespace shoal::test {

/// True if `call` throws ClosedError in a copy of this process that a bare fork() has made.
template <class Call>
bool is_closed_in_forked_copy(Call call) {
  constexpr int kClosed = 7;
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      call();
    } catch (const ClosedError&) {
      ::_exit(kClosed);
    }
    ::_exit(1);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WEXITSTATUS(status) == kClosed;
}

}  // namespace shoal::test
