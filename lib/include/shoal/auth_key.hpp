// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "shoal/codec.hpp"

namespace shoal {

/// What two programs both know, so that each can tell the other from a stranger; it is never sent.
///
/// Texts and bytes convert; a default-made one is no key. Whoever listens to a conversation can try
/// keys at leisure: use random() or 32 random bytes from a file, not a word.
/// A small value: copies share the bytes, which are overwritten as the last one goes. May be an
/// argument: its bytes are then in that message. Never part of an error's text or of a log.
/// Source: Python multiprocessing's authkey.
class AuthKey {
 public:
  /// No key.
  AuthKey() noexcept = default;
  /// @throws std::invalid_argument  there are no bytes in it
  AuthKey(std::span<const std::byte> bytes);
  AuthKey(std::string_view text);
  AuthKey(const std::string& text) : AuthKey(std::string_view(text)) {}
  AuthKey(const char* text);

  /// Makes a key of 32 bytes that nobody can guess.
  static AuthKey random();
  /// Reads a key from a file; one newline at its end is not part of it.
  /// @throws Error  the file cannot be read, is not this user's, others have rights to it, it is
  ///                empty or longer than 4 KiB
  static AuthKey from_file(const std::filesystem::path& path);

  /// True for no key.
  bool empty() const noexcept { return secret_ == nullptr; }
  /// Gives the bytes, valid as long as a copy of this key is; none for no key.
  std::span<const std::byte> bytes() const noexcept;

  /// Takes a time that does not tell where the keys differ.
  friend bool operator==(const AuthKey& a, const AuthKey& b) noexcept;

 private:
  class Secret;

  std::shared_ptr<const Secret> secret_;
};

template <>
struct Codec<AuthKey> {
  static void encode(Writer& writer, const AuthKey& key);
  static AuthKey decode(Reader& reader);
};

}  // namespace shoal
