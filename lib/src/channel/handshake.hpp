// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "channel/hmac.hpp"

// How two programs that know a key find out whether the other does, before either believes anything
// that it says:
//
//   client                                     server
//   hello {..., nonce c}             ------->
//                                    <-------  hello {..., nonce s}
//   HMAC(key, "client", both hellos) ------->
//                                    <-------  verdict, HMAC(key, "server", both hellos)
//
//   hello    0       8         10      12     13     14        15   16
//            | magic | version | order | word | side | has key | 0  | nonce, 32 bytes |
//   proof    HMAC, 32 bytes
//   verdict  0      8
//            | word | HMAC, 32 bytes |
//
// Without a key on either side the client's hello is all that there is at first: it need not wait.
// The server's goes in front of the first message that the server sends.
//
// Both proofs cover both nonces, sides, versions and whether there are keys: what was said another
// time, or by oneself, or changed on its way, proves nothing. The keys of the messages that follow,
// one for each direction, come from the same.

namespace shoal::channel {

using Nonce = std::array<std::byte, 32>;

enum class Side : std::uint8_t { client = 1, server = 2 };

/// Why the other side is not talked to.
enum class Refusal {
  none,
  stranger,        ///< it does not speak this protocol
  version,         ///< another version of it
  machine,         ///< another byte order or word size
  key_missing,     ///< it has no key, and one is asked for here
  key_unexpected,  ///< it asks for a key, and there is none here
  wrong_key,
};

struct Hello {
  std::array<char, 8> magic;
  std::uint16_t version;
  std::uint16_t order;
  std::uint8_t word_bytes;
  std::uint8_t side;
  std::uint8_t has_key;
  std::uint8_t zero;
  Nonce nonce;
};
inline constexpr std::size_t kHelloBytes = 48;
static_assert(sizeof(Hello) == kHelloBytes);

inline constexpr std::array<char, 8> kHelloMagic{'s', 'h', 'o', 'a', 'l', '/', 'c', 'h'};
inline constexpr std::uint16_t kProtocolVersion = 1;

/// What a side says first.
Hello make_hello(Side side, bool has_key, const Nonce& nonce) noexcept;

/// Judges the hello of the side `from`, as one who has a key or none.
Refusal judge(const Hello& hello, Side from, bool has_key) noexcept;

/// The keys of the messages that follow.
struct FrameKeys {
  Mac to_server{};
  Mac to_client{};
};

/// One side of a handshake: bytes go in, bytes come out. Knows no socket and waits for nothing;
/// takes no memory. Whatever comes in, it is done only if the other side has proved the key (or
/// neither has one).
class Handshake {
 public:
  /// `key` is empty for none, and outlives this.
  Handshake(Side side, std::span<const std::byte> key, const Nonce& nonce);

  /// How many bytes of the next message are still to come; 0: none.
  std::size_t wanted() const noexcept { return wanted_ - taken_; }
  /// Takes the next bytes, wanted() at most.
  void take(std::span<const std::byte> bytes);
  /// Ends it: what came could not be a message.
  void refuse(Refusal why) noexcept;

  /// What is to be sent now, also after a refusal; sent() says that it was.
  std::span<const std::byte> output() const noexcept { return {output_.data(), output_size_}; }
  void sent() noexcept { output_size_ = 0; }

  bool is_done() const noexcept { return state_ == State::done; }
  /// None as long as it goes on, or is done.
  Refusal refusal() const noexcept { return refusal_; }
  /// True once the other side has said a whole hello.
  bool has_heard() const noexcept { return state_ != State::hello; }
  /// What this side says first; a server without a key has not said it yet.
  const Hello& own_hello() const noexcept { return side_ == Side::client ? client_ : server_; }
  bool has_key() const noexcept { return !key_.empty(); }
  /// Once done with a key.
  const FrameKeys& frame_keys() const noexcept { return keys_; }

 private:
  enum class State { hello, proof, verdict, done, refused };
  static constexpr std::size_t kVerdictBytes = 8 + sizeof(Mac);

  void take_hello();
  void take_proof();
  void take_verdict();
  void await(State state, std::size_t bytes) noexcept;
  void finish() noexcept;
  void put(std::span<const std::byte> bytes) noexcept;
  Mac proof_of(Side side) const;
  void derive_keys();

  const Side side_;
  const std::span<const std::byte> key_;
  State state_ = State::hello;
  Refusal refusal_ = Refusal::none;
  Hello client_{};
  Hello server_{};
  FrameKeys keys_{};
  std::array<std::byte, kHelloBytes> input_{};
  std::size_t wanted_ = 0;
  std::size_t taken_ = 0;
  std::array<std::byte, kHelloBytes + kVerdictBytes> output_{};
  std::size_t output_size_ = 0;
};

}  // namespace shoal::channel
