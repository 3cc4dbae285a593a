// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

namespace shoal::test {

/// The inode of the file that is mapped at `address` in this process; 0 if none is.
inline std::uint64_t inode_at(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    std::string access, offset, device;
    std::uint64_t inode = 0;
    words >> std::hex >> begin >> dash >> end >> access >> offset >> device >> std::dec >> inode;
    if (begin <= wanted && wanted < end) return inode;
  }
  return 0;
}

/// True if `process`, a folder of /proc, has a descriptor or a map of the file "/memfd:<name>" with
/// this inode.
inline bool holds(const std::filesystem::path& process, const std::string& name,
                  std::uint64_t inode) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::directory_iterator at(process / "fd", error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    std::error_code is_gone;
    if (!fs::read_symlink(at->path(), is_gone).string().starts_with("/memfd:" + name)) continue;
    struct stat status {};
    if (::stat(at->path().c_str(), &status) == 0 && status.st_ino == inode) return true;
  }
  std::ifstream maps(process / "maps");
  const std::string number = " " + std::to_string(inode) + " ";
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/memfd:" + name) != std::string::npos && line.find(number) != std::string::npos)
      return true;
  }
  return false;
}

/// How many processes hold that file, by descriptors or maps.
inline int count_holders(const std::string& name, std::uint64_t inode) {
  namespace fs = std::filesystem;
  int count = 0;
  std::error_code error;
  fs::directory_iterator at("/proc", error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    const std::string pid = at->path().filename();
    if (pid.find_first_not_of("0123456789") == std::string::npos && holds(at->path(), name, inode))
      ++count;
  }
  return count;
}

/// Waits until as many processes hold that file. How long that may take is for the watchdog.
inline void await_holders(const std::string& name, std::uint64_t inode, int wanted) {
  while (count_holders(name, inode) != wanted) std::this_thread::yield();
}

}  // namespace shoal::test
