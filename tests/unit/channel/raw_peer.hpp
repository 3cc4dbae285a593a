// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "channel/handshake.hpp"
#include "os/network.hpp"

namespace shoal::test {

/// A folder of the test's own, gone with it.
class Folder {
 public:
  Folder() {
    std::string name = "/tmp/shoal-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::string address(const std::string& name = "socket") const {
    return "unix:" + path_ + '/' + name;
  }

 private:
  std::string path_;
};

/// The rights of a file.
inline unsigned mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777U : ~0U;
}

inline std::string path_in(const std::string& address) { return address.substr(5); }

/// Connects to a Listener without saying anything.
inline os::Fd connect_raw(const std::string& address) {
  if (address.starts_with("unix:")) {
    return std::move(*os::connect_to(path_in(address).c_str(), base::Deadline::never()));
  }
  const auto port = std::stoi(address.substr(address.rfind(':') + 1));
  const auto found = os::resolve("127.0.0.1", static_cast<std::uint16_t>(port));
  return std::move(*os::connect_to(found->front(), base::Deadline::never()));
}

inline void send_raw(const os::Fd& socket, std::span<const std::byte> bytes) {
  ASSERT_TRUE(os::send_message(socket.get(), bytes, {}, os::Wait::yes));
}

inline std::span<const std::byte> bytes_of(const channel::Hello& hello) {
  return std::as_bytes(std::span(&hello, 1));
}

inline channel::Hello client_hello(bool has_key) {
  return channel::make_hello(channel::Side::client, has_key, {});
}

inline std::vector<std::byte> bytes_of(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 251);
  return bytes;
}

}  // namespace shoal::test
