// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "base/deadline.hpp"
#include "memory/mapping.hpp"
#include "os/named_file.hpp"
#include "os/unforked_fd.hpp"
#include "shared/named_memory.hpp"

namespace shoal::shared {

/// A file of shared memory as this process has it mapped, and the descriptor that is sent on.
struct SharedFile {
  std::string name;  ///< empty: it has none
  os::FileId id;
  std::size_t bytes = 0;  ///< of what users have
  memory::Mapping mapping;
  std::shared_ptr<const os::Fd> descriptor;

  std::span<std::byte> memory() const noexcept { return mapping.bytes().last(bytes); }
};

/// What shared memory this process has, and which names it owns. One a process, in its Commons; a
/// forked child begins with an empty one, and owns nothing. Safe from many threads.
class Memories {
 public:
  static Memories& instance();

  /// The memory in that file, if it is mapped here.
  std::shared_ptr<const SharedFile> find(os::FileId id);
  /// Enters memory; gives what another thread has entered of the same file meanwhile, if any.
  std::shared_ptr<const SharedFile> enter(SharedFile memory);

  /// Owns the name of a file until disown(), or the end of the process, when it is removed.
  void own(std::string name, os::FileId id, os::UnforkedFd owner);
  void disown(os::FileId id) noexcept;

  /// Removes what dead processes left; a process that has it done all the
  /// time spends a tenth of it there, as it is left out in between.
  void sweep();

 private:
  struct Owned {
    std::string name;
    os::UnforkedFd owner;
  };

  void forget(os::FileId id) noexcept;
  void remove_all_names();

  std::mutex mutex_;
  std::map<os::FileId, std::weak_ptr<const SharedFile>> memories_;  // guarded by mutex_
  std::map<os::FileId, Owned> owned_;                               // guarded by mutex_
  bool is_exit_armed_ = false;                                      // guarded by mutex_
  std::atomic<base::Deadline::Clock::rep> next_sweep_{0};
};

}  // namespace shoal::shared
