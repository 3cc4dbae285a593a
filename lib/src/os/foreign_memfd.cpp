// SPDX-License-Identifier: Apache-2.0
#include "os/foreign_memfd.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace shoal::os {
namespace {

namespace fs = std::filesystem;

// The descriptors of a process, ascending, that stand for a memfd of this name now.
std::vector<int> list_memfds(const fs::path& folder, const std::string& target,
                             std::error_code& error) {
  std::vector<int> found;
  fs::directory_iterator at(folder, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    std::error_code is_gone;
    if (fs::read_symlink(at->path(), is_gone) != target) continue;
    found.push_back(std::atoi(at->path().filename().c_str()));
  }
  std::ranges::sort(found);
  return found;
}

}  // namespace

Result<std::vector<Fd>> open_memfds_of(int pid, const char* name) {
  const fs::path folder = "/proc/" + std::to_string(pid) + "/fd";
  std::error_code error;
  const std::vector<int> numbers =
      list_memfds(folder, "/memfd:" + std::string(name) + " (deleted)", error);
  if (error) return failure(error.value(), "opendir", "\"%s\"", folder.c_str());
  std::vector<Fd> files;
  for (const int number : numbers) {
    // By now it may stand for something else, whose opening must not block.
    Result<Fd> file =
        open_file((folder / std::to_string(number)).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (file) {
      files.push_back(std::move(*file));
    } else if (file.error().error != ENOENT) {
      return file.error();
    }
  }
  return files;
}

}  // namespace shoal::os
