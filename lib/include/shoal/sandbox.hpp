// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace shoal {

/// What a worker is kept from, beside what its user may not do anyway.
enum class Sandbox {
  none,
  no_new_privs,  ///< programs that it executes gain no privileges (prctl PR_SET_NO_NEW_PRIVS)
  strict,        ///< nor may it execute programs, make sockets, or open files (seccomp, Landlock)
};

}  // namespace shoal
