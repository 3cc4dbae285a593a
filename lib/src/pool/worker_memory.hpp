// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

#include "memory/mapping.hpp"
#include "os/fd.hpp"
#include "pool/board.hpp"
#include "pool/mailbox_layout.hpp"
#include "sync/hardware.hpp"

namespace shoal::pool {

using SharedSubmissions = Submissions<sync::Hardware>;
using SharedCompletions = Completions<sync::Hardware>;
using SharedGate = Gate<sync::Hardware>;
using SharedBoard = Board<sync::Hardware>;

/// The half of `word` that changes with each count, as a futex.
inline const std::atomic<std::uint32_t>* low_half(const std::atomic<std::uint64_t>& word) noexcept {
  static_assert(std::endian::native == std::endian::little);
  return reinterpret_cast<const std::atomic<std::uint32_t>*>(&word);
}

/// The descriptors of one incarnation's three files, on their way to the worker.
struct WorkerFiles {
  os::Fd submissions;
  os::Fd completions;
  os::Fd gate;
};

/// The parent's maps of a worker's three files: it cannot write the worker's, and the worker cannot
/// write the parent's, whatever it tries.
class WorkerMemory {
 public:
  /// Makes the files of worker `index`, maps and seals them, and leaves them in `files`.
  static os::Result<WorkerMemory> create(unsigned index, WorkerFiles& files);

  SharedSubmissions& submissions() const noexcept;
  const SharedCompletions& completions() const noexcept;
  SharedGate& gate() const noexcept;

 private:
  memory::Mapping submissions_;
  memory::Mapping completions_;
  memory::Mapping gate_;
};

/// The worker's maps of the same files, and of the board of its parent.
class AttachedMemory {
 public:
  static os::Result<AttachedMemory> attach(int submissions, int completions, int gate, int board);

  const SharedSubmissions& submissions() const noexcept;
  SharedCompletions& completions() const noexcept;
  SharedGate& gate() const noexcept;
  const SharedBoard& board() const noexcept;

 private:
  memory::Mapping submissions_;
  memory::Mapping completions_;
  memory::Mapping gate_;
  memory::Mapping board_;
};

}  // namespace shoal::pool
