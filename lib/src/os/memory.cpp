// SPDX-License-Identifier: Apache-2.0
#include "os/memory.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

namespace shoal::os {

void keep_from_children(void* address, std::size_t bytes) noexcept {
  ::madvise(address, bytes, MADV_DONTFORK);
}

void keep_freed_memory() noexcept {
  constexpr int kGibibyte = 1 << 30;
  ::mallopt(M_MMAP_THRESHOLD, kGibibyte);
  ::mallopt(M_TRIM_THRESHOLD, kGibibyte);
}

void return_freed_memory() noexcept { ::malloc_trim(0); }

Result<Fd> open_memory_use() noexcept {
  const int fd = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return failure(errno, "open", "/proc/self/statm");
  return Fd(fd);
}

std::size_t resident_bytes(const Fd& memory_use) noexcept {
  std::array<char, 128> text{};
  const ssize_t size = ::pread(memory_use.get(), text.data(), text.size() - 1, 0);
  unsigned long all = 0;
  unsigned long resident = 0;
  if (size > 0 && std::sscanf(text.data(), "%lu %lu", &all, &resident) == 2) {
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

}  // namespace shoal::os
