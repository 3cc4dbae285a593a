// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <filesystem>
#include <shoal/shared_memory.hpp>
#include <string>
#include <system_error>

namespace shoal::test {

/// True once this program has a /dev/shm of its own: what other tests leave there is then nobody's
/// business here, nor ours theirs.
inline bool has_own_shm = false;

/// Gives the whole program one, where that is allowed.
class OwnShm : public testing::Environment {
  void SetUp() override {
    has_own_shm = ::unshare(CLONE_NEWNS) == 0 &&
                  ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                  ::mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1g") == 0;
  }
};

inline std::string path_of(const std::string& name) { return "/dev/shm/shoal." + name; }
inline bool is_there(const std::string& name) {
  return std::filesystem::symlink_status(path_of(name)).type() !=
         std::filesystem::file_type::not_found;
}

/// True if a file is there that has not got a name yet; false where others may have made it.
inline bool has_unfinished() {
  if (!has_own_shm) return false;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
    if (entry.path().filename().string().starts_with(".shoal-")) return true;
  }
  return false;
}

/// The code of the Error that `call` throws; none if it throws nothing.
template <class Call>
std::error_code code_of(Call call) {
  try {
    call();
  } catch (const std::system_error& error) {
    return error.code();
  }
  return {};
}

}  // namespace shoal::test
