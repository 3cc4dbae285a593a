// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace shoal {

/// Makes this program able to start children of itself; the first line of main.
/// In a program started by a user it takes note and returns. In a child that shoal started it runs
/// the child and never returns: the process ends by _exit, without main's static destructors.
/// @throws StartError  the command line claims a child of shoal, but its parent's socket is missing
/// If the parent dies, the child is killed by the kernel, also while it is still in here.
/// Source: Python's `if __name__ == "__main__": freeze_support()`.
void bootstrap(int argc, char** argv);

}  // namespace shoal
