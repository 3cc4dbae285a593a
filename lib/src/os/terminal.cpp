// SPDX-License-Identifier: Apache-2.0
#include "os/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

namespace shoal::os {

std::optional<unsigned> terminal_width(std::FILE* stream) noexcept {
  constexpr unsigned kUsual = 80;
  const int fd = ::fileno(stream);
  if (fd < 0 || ::isatty(fd) != 1) return std::nullopt;
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsual;
  return size.ws_col;
}

}  // namespace shoal::os
