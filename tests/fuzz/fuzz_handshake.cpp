// SPDX-License-Identifier: Apache-2.0
// What a stranger says to a listener, and a false listener to who connects, before either has
// proved anything; and what is done to the words of two who know the key. Nobody is taken for one
// who knows the key but he who does.
#include <algorithm>
#include <array>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "channel/address.hpp"
#include "channel/handshake.hpp"
#include "fuzz/dice.hpp"

namespace shoal::fuzz {
namespace {

using channel::Handshake;
using channel::Nonce;
using channel::Side;

using Bytes = std::vector<std::byte>;

const std::array<std::byte, 5> kKey{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4},
                                    std::byte{5}};

Nonce nonce_of(int value) {
  Nonce nonce;
  nonce.fill(static_cast<std::byte>(value));
  return nonce;
}

Bytes said_by(Handshake& side) {
  const Bytes bytes(side.output().begin(), side.output().end());
  require(bytes.size() <= channel::kHelloBytes + 40, "a side says no more than it has to");
  side.sent();
  return bytes;
}

// Takes the bytes in pieces, as a stream brings them.
void hear(Handshake& side, std::span<const std::byte> bytes, Dice& dice) {
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), dice.pick(64) + 1);
    side.take(bytes.first(size));
    bytes = bytes.subspan(size);
    require(side.wanted() <= channel::kHelloBytes, "no message is longer than a hello");
  }
}

// Bytes that are a hello but for some of them: nothing else gets far.
Bytes make_hello(Dice& dice, Side side, bool has_key) {
  const channel::Hello hello = channel::make_hello(side, has_key, nonce_of(7));
  const auto begin = std::as_bytes(std::span(&hello, 1));
  Bytes bytes(begin.begin(), begin.end());
  for (std::size_t count = dice.pick(3); count > 0; --count) {
    bytes[dice.pick(bytes.size())] = dice.take<std::byte>();
  }
  return bytes;
}

void alone(Dice& dice) {
  const bool has_key = dice.pick(2) != 0;
  const Side side = dice.pick(2) != 0 ? Side::client : Side::server;
  Handshake victim(side, has_key ? std::span<const std::byte>(kKey) : std::span<const std::byte>(),
                   nonce_of(1));
  said_by(victim);
  if (dice.pick(4) != 0) {
    const Side other = side == Side::client ? Side::server : Side::client;
    hear(victim, make_hello(dice, other, dice.pick(8) != 0 ? has_key : !has_key), dice);
    said_by(victim);
  }
  const std::span<const std::byte> rest = dice.rest();
  Dice sizes(nullptr, 0);
  hear(victim, rest, sizes);
  said_by(victim);
  require(!has_key || !victim.is_done(), "who does not know the key is not let in");
}

// Two who know the key, or only one of them, and somebody between who changes, drops, and repeats.
void between(Dice& dice) {
  const bool is_right = dice.pick(4) != 0;
  const std::array<std::byte, 1> other{std::byte{9}};
  Handshake client(Side::client, kKey, nonce_of(1));
  Handshake server(Side::server, is_right ? std::span<const std::byte>(kKey) : other, nonce_of(2));
  bool is_whole = true;
  std::vector<Bytes> heard;
  for (int step = 0; step < 8; ++step) {
    Handshake& from = step % 2 == 0 ? client : server;
    Handshake& to = step % 2 == 0 ? server : client;
    Bytes bytes = said_by(from);
    const Bytes before = bytes;
    if (!heard.empty() && dice.pick(8) == 1) bytes = heard[dice.pick(heard.size())];
    if (!bytes.empty() && dice.pick(4) == 1)
      bytes[dice.pick(bytes.size())] = dice.take<std::byte>();
    if (dice.pick(16) == 1) bytes.resize(dice.pick(64));
    if (bytes != before) is_whole = false;
    heard.push_back(before);
    hear(to, bytes, dice);
  }
  require(is_whole == false || client.is_done() == is_right, "who knows the key is let in");
  require(is_right || (!client.is_done() && !server.is_done()), "and nobody else");
  if (!client.is_done() || !server.is_done()) return;
  require(client.frame_keys().to_server == server.frame_keys().to_server, "both have one key");
  require(client.frame_keys().to_client == server.frame_keys().to_client, "for each direction");
}

void address(Dice& dice) {
  const Side side = dice.pick(2) != 0 ? Side::client : Side::server;
  const std::span<const std::byte> bytes = dice.rest();
  try {
    const channel::Address read = channel::parse_address(
        {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, side, "fuzz");
    require(read.is_unix || !read.host.empty(), "an address that is taken leads somewhere");
    require(read.path.find('\0') == std::string::npos, "and is no abstract name");
  } catch (const std::invalid_argument&) {
  }
}

}  // namespace
}  // namespace shoal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace shoal::fuzz;
  Dice dice(data, size);
  const std::size_t kind = dice.pick(5);
  if (kind == 0) {
    address(dice);
  } else {
    kind < 3 ? alone(dice) : between(dice);
  }
  return 0;
}
