// SPDX-License-Identifier: Apache-2.0
#include "os/mapped_files.hpp"

#include <string>

#include "os/fd.hpp"

namespace shoal::os {

bool may_map(int pid, const char* name) {
  const std::string path = "/proc/" + std::to_string(pid) + "/maps";
  const Result<std::string> maps = read_text(path.c_str());
  return !maps || maps->empty() || maps->find(std::string("/memfd:") + name) != std::string::npos;
}

}  // namespace shoal::os
