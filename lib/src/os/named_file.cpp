// SPDX-License-Identifier: Apache-2.0
#include "os/named_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <cstdio>

#include "base/scope_exit.hpp"
#include "os/limits.hpp"

namespace shoal::os {
namespace {

FileFacts to_facts(const struct stat& status) noexcept {
  constexpr unsigned kPermissions = 07777;
  return {.id = {status.st_dev, status.st_ino},
          .is_regular = S_ISREG(status.st_mode),
          .user = status.st_uid,
          .permissions = status.st_mode & kPermissions,
          .bytes = static_cast<std::size_t>(status.st_size)};
}

}  // namespace

Result<FileFacts> facts_of(int fd) noexcept {
  struct stat status;
  if (::fstat(fd, &status) != 0) return failure(errno, "fstat", "%d", fd);
  return to_facts(status);
}

Result<FileFacts> facts_of(const char* path) noexcept {
  struct stat status;
  if (::lstat(path, &status) != 0) return failure(errno, "lstat", "\"%s\"", path);
  return to_facts(status);
}

bool is_in_memory(int fd) noexcept {
  struct statfs status;
  return ::fstatfs(fd, &status) == 0 && status.f_type == TMPFS_MAGIC;
}

Result<Fd> open_to_share(const char* path) noexcept {
  return open_file(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

Result<void> rename_to_unused(const char* from, const char* to) noexcept {
  if (::renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return {};
  return failure(errno, "renameat2", "\"%s\", \"%s\", RENAME_NOREPLACE", from, to);
}

Result<void> resize(int fd, std::size_t bytes) noexcept {
  const FileSizeExemption exemption;
  if (::ftruncate(fd, static_cast<off_t>(bytes)) == 0) return {};
  return failure(errno, "ftruncate", "%d, %zu bytes", fd, bytes);
}

Result<std::vector<std::string>> list_folder(const char* path, std::string_view prefix,
                                             std::string_view other) {
  DIR* const folder = ::opendir(path);
  if (folder == nullptr) return failure(errno, "opendir", "\"%s\"", path);
  const base::ScopeExit close([&] { ::closedir(folder); });
  std::vector<std::string> names;
  while (const dirent* const entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    if (name.starts_with(prefix) || name.starts_with(other)) names.emplace_back(name);
  }
  return names;
}

}  // namespace shoal::os
