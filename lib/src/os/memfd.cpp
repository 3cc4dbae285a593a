// SPDX-License-Identifier: Apache-2.0
#include "os/memfd.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "os/limits.hpp"

namespace shoal::os {
namespace {

constexpr int kFixedSize = F_SEAL_SHRINK | F_SEAL_GROW;
#ifndef F_SEAL_FUTURE_WRITE
constexpr int F_SEAL_FUTURE_WRITE = 0x0010;
#endif

int seals_of(Writers writers) noexcept {
  switch (writers) {
    case Writers::those_who_map_it:
      return kFixedSize | F_SEAL_SEAL;
    case Writers::those_who_mapped:
      return kFixedSize | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
    case Writers::nobody:
      return kFixedSize | F_SEAL_WRITE | F_SEAL_SEAL;
  }
  return 0;
}

}  // namespace

Result<Fd> create_shared_file(const char* name, std::size_t bytes) noexcept {
  Fd file = above_streams(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return failure(errno, "memfd_create", "\"%s\"", name);
  const FileSizeExemption exemption;
  if (::ftruncate(file.get(), static_cast<off_t>(bytes)) != 0) {
    return failure(errno, "ftruncate", "memfd \"%s\", %zu bytes", name, bytes);
  }
  return file;
}

// EBUSY: the kernel itself holds a page for a moment, as when it moves memory about. It waits some
// 0.1 s for that each time.
Result<void> seal(int fd, Writers writers) noexcept {
  constexpr int kTries = 50;
  for (int tried = 1;; ++tried) {
    if (::fcntl(fd, F_ADD_SEALS, seals_of(writers)) == 0) return {};
    if (errno != EBUSY || tried == kTries) return failure(errno, "fcntl", "%d, F_ADD_SEALS", fd);
  }
}

Result<Fd> make_sealed_file(const char* name, std::span<const std::byte> bytes) noexcept {
  Result<Fd> file = create_shared_file(name, 0);
  if (!file) return file.error();
  const FileSizeExemption exemption;
  const Result<void> written = write_all(file->get(), bytes);
  if (!written) return written.error();
  const Result<void> sealed = seal(file->get(), Writers::nobody);
  if (!sealed) return sealed.error();
  return file;
}

bool is_sealed(int fd, bool read_only) noexcept {
  const int seals = ::fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kFixedSize) != kFixedSize) return false;
  return !read_only || (seals & F_SEAL_WRITE) != 0;
}

bool is_same_file(int fd, int other) noexcept {
  struct stat one;
  struct stat two;
  if (::fstat(fd, &one) != 0 || ::fstat(other, &two) != 0) return false;
  return one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}

Result<std::size_t> file_size(int fd) noexcept {
  struct stat status;
  if (::fstat(fd, &status) != 0) return failure(errno, "fstat", "%d", fd);
  return static_cast<std::size_t>(status.st_size);
}

}  // namespace shoal::os
