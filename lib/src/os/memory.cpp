// SPDX-License-Identifier: Apache-2.0
#include "os/memory.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <string>

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

std::size_t available_memory() {
  constexpr const char* kLine = "MemAvailable:";
  const Result<std::string> text = read_text("/proc/meminfo");
  const std::size_t at = text ? text->find(kLine) : std::string::npos;
  unsigned long kibibytes = 0;
  if (at != std::string::npos &&
      std::sscanf(text->c_str() + at, "MemAvailable: %lu", &kibibytes) == 1) {
    return kibibytes * std::size_t{1024};
  }
  struct sysinfo all {};
  if (::sysinfo(&all) != 0) return SIZE_MAX;
  return (all.totalram + all.totalswap) * std::size_t{all.mem_unit};
}

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
