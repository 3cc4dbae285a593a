// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace shoal::test {

/// A system call; with `argument` >= 0 only where that argument is `value`.
struct Call {
  int number;
  int argument = -1;
  std::uint64_t value = 0;
};

/// Which of some calls fail, counted over all processes from the host's first mark on: those from
/// the `first` (1) to the `last`; 0: none. Of mmap only the host's own count.
struct Failure {
  std::vector<Call> calls;
  int error;
  unsigned first;
  unsigned last;
};

/// What became of one failing_host.
struct Life {
  bool has_no_filter = false;  ///< the system does not let us
  bool is_hung = false;
  bool leaves_processes = false;  ///< a while after its end
  unsigned failed = 0;            ///< calls that were made to fail
  int exit_code = -1;
  int signal = 0;
  std::string output;
};

/// Runs failing_host, which is to have so many descriptors in the end, under a seccomp filter whose
/// listener decides about each call.
Life watch_life(const std::string& method, int descriptors, const Failure& failure);

}  // namespace shoal::test
