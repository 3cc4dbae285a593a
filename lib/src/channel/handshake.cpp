// SPDX-License-Identifier: Apache-2.0
#include "channel/handshake.hpp"

#include <algorithm>
#include <cstring>

namespace shoal::channel {
namespace {

constexpr std::uint16_t kOrderMark = 0x0102;
constexpr std::uint64_t kWelcome = 1;
constexpr std::uint64_t kRefused = 0;

std::span<const std::byte> bytes_of(const Hello& hello) noexcept {
  return std::as_bytes(std::span(&hello, 1));
}

}  // namespace

Hello make_hello(Side side, bool has_key, const Nonce& nonce) noexcept {
  return {.magic = kHelloMagic,
          .version = kProtocolVersion,
          .order = kOrderMark,
          .word_bytes = sizeof(void*),
          .side = static_cast<std::uint8_t>(side),
          .has_key = has_key ? std::uint8_t{1} : std::uint8_t{0},
          .zero = 0,
          .nonce = nonce};
}

Refusal judge(const Hello& hello, Side from, bool has_key) noexcept {
  if (hello.magic != kHelloMagic) return Refusal::stranger;
  if (hello.order != kOrderMark || hello.word_bytes != sizeof(void*)) return Refusal::machine;
  if (hello.version != kProtocolVersion) return Refusal::version;
  if (hello.side != static_cast<std::uint8_t>(from)) return Refusal::stranger;
  if (hello.has_key > 1 || hello.zero != 0) return Refusal::stranger;
  if (has_key && hello.has_key == 0) return Refusal::key_missing;
  if (!has_key && hello.has_key == 1) return Refusal::key_unexpected;
  return Refusal::none;
}

Handshake::Handshake(Side side, std::span<const std::byte> key, const Nonce& nonce)
    : side_(side), key_(key) {
  Hello& own = side == Side::client ? client_ : server_;
  own = make_hello(side, !key.empty(), nonce);
  await(State::hello, kHelloBytes);
  if (side == Side::server) return;
  put(bytes_of(client_));
  if (key.empty()) finish();
}

void Handshake::take(std::span<const std::byte> bytes) {
  const std::size_t size = std::min(bytes.size(), wanted());
  std::copy_n(bytes.begin(), size, input_.begin() + static_cast<std::ptrdiff_t>(taken_));
  taken_ += size;
  if (size == 0 || wanted() != 0) return;
  if (state_ == State::hello) return take_hello();
  if (state_ == State::proof) return take_proof();
  take_verdict();
}

void Handshake::refuse(Refusal why) noexcept {
  refusal_ = why;
  await(State::refused, 0);
}

void Handshake::take_hello() {
  const bool is_client = side_ == Side::client;
  Hello& other = is_client ? server_ : client_;
  std::memcpy(&other, input_.data(), kHelloBytes);
  const Refusal why = judge(other, is_client ? Side::server : Side::client, !key_.empty());
  if (why == Refusal::stranger) return refuse(why);  // who gets no answer
  if (why == Refusal::none && key_.empty()) return finish();
  if (!is_client) put(bytes_of(server_));
  if (why != Refusal::none) return refuse(why);
  if (!is_client) return await(State::proof, sizeof(Mac));
  put(proof_of(Side::client));
  await(State::verdict, kVerdictBytes);
}

void Handshake::take_proof() {
  const bool is_right = is_equal(std::span(input_).first(sizeof(Mac)), proof_of(Side::client));
  const std::uint64_t word = is_right ? kWelcome : kRefused;
  put(std::as_bytes(std::span(&word, 1)));
  put(is_right ? proof_of(Side::server) : Mac{});
  if (!is_right) return refuse(Refusal::wrong_key);
  derive_keys();
  finish();
}

void Handshake::take_verdict() {
  std::uint64_t word = 0;
  std::memcpy(&word, input_.data(), sizeof word);
  const auto proof = std::span(input_).subspan(sizeof word, sizeof(Mac));
  const bool is_right = is_equal(proof, proof_of(Side::server));
  if (word != kWelcome || !is_right) return refuse(Refusal::wrong_key);
  derive_keys();
  finish();
}

void Handshake::await(State state, std::size_t bytes) noexcept {
  state_ = state;
  wanted_ = bytes;
  taken_ = 0;
}

void Handshake::finish() noexcept { await(State::done, 0); }

void Handshake::put(std::span<const std::byte> bytes) noexcept {
  std::copy(bytes.begin(), bytes.end(),
            output_.begin() + static_cast<std::ptrdiff_t>(output_size_));
  output_size_ += bytes.size();
}

Mac Handshake::proof_of(Side side) const {
  const char* const label = side == Side::client ? "shoal/1 client" : "shoal/1 server";
  return hmac(key_, label, {bytes_of(client_), bytes_of(server_)});
}

void Handshake::derive_keys() {
  keys_.to_server = hmac(key_, "shoal/1 to server", {bytes_of(client_), bytes_of(server_)});
  keys_.to_client = hmac(key_, "shoal/1 to client", {bytes_of(client_), bytes_of(server_)});
}

}  // namespace shoal::channel
