// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace shoal {

/// What a worker is kept from, beside what its user may not do anyway, from the end of its
/// initializer on; a Process: from just before its function runs. For good, and so are its threads
/// and what it forks.
enum class Sandbox {
  none,
  /// Programs that it executes gain no privileges (prctl PR_SET_NO_NEW_PRIVS).
  no_new_privs,
  /// Nor may it execute programs; make, connect or accept sockets; open, make, remove, rename or
  /// change files by their names; signal, trace, read or schedule other processes, its parent
  /// included; or make namespaces, mounts, io_urings, keys, BPF programs and the like. Such calls
  /// fail with EPERM (or ENOSYS where glibc has another way), and nobody is killed for them. Memory,
  /// threads (each may set its own CPUs and priority only, by thread id 0), fork, and whatever works
  /// on descriptors it has (those in arguments, too) go on as before.
  ///
  /// So what is found in files later does not work: what a task needs of time zones, locales,
  /// configuration or dlopen is for the initializer to load, and a task module that the worker
  /// lacks cannot be loaded (CodecError). It makes no pools and processes of its own.
  /// Enforced by seccomp, without which starting is StartError naming the option, and by Landlock
  /// once more where the kernel has it. Starting costs some 0.3 ms.
  strict,
};

}  // namespace shoal
