// SPDX-License-Identifier: Apache-2.0
#include "shoal/auth_key.hpp"

#include <array>
#include <cerrno>
#include <stdexcept>
#include <vector>

#include "base/or_resource_error.hpp"
#include "base/scope_exit.hpp"
#include "channel/hmac.hpp"
#include "os/files.hpp"
#include "os/random.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

constexpr std::size_t kLongestKeyFile = 4096;

[[noreturn]] void refuse_file(const std::filesystem::path& path, std::errc code,
                              const std::string& why) {
  throw Error(std::make_error_code(code), "AuthKey::from_file(" + path.string() + "): " + why);
}

template <class T>
T value_of(os::Result<T> result, const std::filesystem::path& path) {
  if (!result) {
    refuse_file(path, static_cast<std::errc>(result.error().error), result.error().to_string());
  }
  return std::move(*result);
}

// Asks the open file, not the name: it cannot become another one meanwhile.
void require_private(const os::FileStatus& status, const std::filesystem::path& path) {
  if (status.kind != os::FileKind::regular) {
    refuse_file(path, std::errc::invalid_argument, "it is no regular file");
  }
  if (status.owner != os::effective_user()) {
    refuse_file(path, std::errc::permission_denied,
                "it belongs to user " + std::to_string(status.owner) + "; chown it to user " +
                    std::to_string(os::effective_user()));
  }
  if ((status.mode & 077U) != 0) {
    refuse_file(path, std::errc::permission_denied,
                "others than its owner have rights to it; chmod it to 600");
  }
}

}  // namespace

class AuthKey::Secret {
 public:
  explicit Secret(std::span<const std::byte> bytes) : bytes_(bytes.begin(), bytes.end()) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { channel::wipe(bytes_); }

  std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

AuthKey::AuthKey(std::span<const std::byte> bytes) {
  if (bytes.empty()) {
    throw std::invalid_argument("AuthKey: an empty key; AuthKey() stands for none");
  }
  secret_ = std::make_shared<const Secret>(bytes);
}

AuthKey::AuthKey(std::string_view text) : AuthKey(std::as_bytes(std::span(text))) {}

AuthKey::AuthKey(const char* text)
    : AuthKey(text == nullptr ? std::string_view() : std::string_view(text)) {}

AuthKey AuthKey::random() {
  std::array<std::byte, 32> bytes;
  const base::ScopeExit wipe([&] { channel::wipe(bytes); });
  base::or_resource_error(os::fill_random(bytes), "AuthKey::random");
  return AuthKey(bytes);
}

AuthKey AuthKey::from_file(const std::filesystem::path& path) {
  constexpr int kReadOnly = 0;
  const os::Fd file = value_of(os::open_file(path.c_str(), kReadOnly), path);
  require_private(value_of(os::status_of(file.get()), path), path);
  std::array<std::byte, kLongestKeyFile + 1> bytes;
  const base::ScopeExit wipe([&] { channel::wipe(bytes); });
  std::size_t size = 0;
  while (size < bytes.size()) {
    const std::size_t more =
        value_of(os::read_some(file.get(), std::span(bytes).subspan(size)), path);
    if (more == 0) break;
    size += more;
  }
  if (size > kLongestKeyFile) {
    refuse_file(path, std::errc::file_too_large, "a key has at most 4096 bytes");
  }
  if (size != 0 && bytes[size - 1] == std::byte{'\n'}) --size;
  if (size == 0) refuse_file(path, std::errc::invalid_argument, "there is no key in it");
  return AuthKey(std::span<const std::byte>(bytes).first(size));
}

std::span<const std::byte> AuthKey::bytes() const noexcept {
  return secret_ == nullptr ? std::span<const std::byte>() : secret_->bytes();
}

bool operator==(const AuthKey& a, const AuthKey& b) noexcept {
  return channel::is_equal(a.bytes(), b.bytes());
}

void Codec<AuthKey>::encode(Writer& writer, const AuthKey& key) {
  writer.put(std::uint64_t{key.bytes().size()});
  writer.write(key.bytes().data(), key.bytes().size());
}

AuthKey Codec<AuthKey>::decode(Reader& reader) {
  const auto size = reader.get<std::uint64_t>();
  return size == 0 ? AuthKey() : AuthKey(reader.take(size));
}

}  // namespace shoal
