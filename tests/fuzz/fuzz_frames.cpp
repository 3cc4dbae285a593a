// SPDX-License-Identifier: Apache-2.0
// What the other end of a stream sends: frames whole, cut, changed, and noise. What is taken is
// what was sent, as the next; and memory grows with what has come alone.
#include <algorithm>
#include <array>
#include <vector>

#include "channel/frame.hpp"
#include "fuzz/dice.hpp"

namespace shoal::fuzz {
namespace {

using channel::FrameHeader;
using channel::FrameReader;

using Bytes = std::vector<std::byte>;

// Puts as much of `bytes` into the reader as belongs to its frame, and gives how much that is.
std::size_t feed(FrameReader& reader, std::span<const std::byte> bytes, std::size_t step) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const std::span<std::byte> room = reader.room();
    require(room.size() <= std::max(FrameReader::kStep, 2 * taken + 64),
            "memory is asked for as bytes come");
    if (room.empty()) break;
    const std::size_t size = std::min({step, room.size(), bytes.size() - taken});
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(taken), size, room.begin());
    reader.filled(size);
    taken += size;
  }
  return taken;
}

void read_noise(Dice& dice, std::span<const std::byte> key) {
  const std::size_t step = dice.pick(200) + 1;
  std::span<const std::byte> bytes = dice.rest();
  for (std::uint64_t number = 0; !bytes.empty(); ++number) {
    FrameReader reader(key, number);
    bytes = bytes.subspan(feed(reader, bytes, step));
    require(key.empty() || !reader.is_genuine(), "nobody makes a frame without the key");
    if (!reader.is_whole()) return;
    require(reader.message().size() == reader.header()->size, "a frame is as long as it says");
  }
}

void read_changed(Dice& dice, std::span<const std::byte> key) {
  const auto number = dice.take<std::uint64_t>();
  const auto expected = dice.pick(4) == 1 ? dice.take<std::uint64_t>() : number;
  const std::size_t step = dice.pick(200) + 1;
  const auto type = dice.take<std::uint64_t>();
  const std::size_t changes = dice.pick(3);
  std::array<std::pair<std::uint16_t, std::byte>, 2> change{};
  for (std::size_t i = 0; i < changes; ++i) {
    change[i] = {dice.take<std::uint16_t>(), dice.take<std::byte>()};
  }
  const std::span<const std::byte> message = dice.rest();
  Bytes frame = channel::make_frame({}, {type, message.size()}, message, key, number);
  const Bytes before = frame;
  for (std::size_t i = 0; i < changes; ++i)
    frame[change[i].first % frame.size()] = change[i].second;
  FrameReader reader(key, expected);
  feed(reader, frame, step);
  const bool is_same = frame == before && (key.empty() || expected == number);
  if (!key.empty()) require(reader.is_genuine() == is_same, "what is taken is what was sent");
  if (!is_same) return;
  require(reader.is_genuine() && reader.header()->type == type, "and what was sent is taken");
  require(std::ranges::equal(reader.message(), message), "as it was");
}

}  // namespace
}  // namespace shoal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace shoal::fuzz;
  Dice dice(data, size);
  const std::array<std::byte, 3> key{std::byte{1}, std::byte{2}, std::byte{3}};
  const auto used =
      dice.pick(2) != 0 ? std::span<const std::byte>(key) : std::span<const std::byte>();
  dice.pick(2) != 0 ? read_changed(dice, used) : read_noise(dice, used);
  return 0;
}
