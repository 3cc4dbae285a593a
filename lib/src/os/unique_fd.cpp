// SPDX-License-Identifier: Apache-2.0
#include "shoal/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "shoal/error.hpp"

namespace shoal {

void UniqueFd::reset(int fd) noexcept {
  const int old = std::exchange(fd_, fd);
  if (old < 0) return;
  const int saved = errno;
  ::close(old);  // never retried: Linux frees the number even where close is interrupted
  errno = saved;
}

UniqueFd UniqueFd::duplicate() const {
  const int copy = ::fcntl(fd_, F_DUPFD_CLOEXEC, 3);  // never stdin, stdout, stderr
  if (copy >= 0) return UniqueFd(copy);
  const std::error_code code(errno, std::generic_category());
  const std::string what =
      "UniqueFd: descriptor " + std::to_string(fd_) + " cannot be duplicated: " + code.message();
  if (code == std::errc::too_many_files_open) throw ResourceError(code, what);
  throw Error(code, what);
}

}  // namespace shoal
