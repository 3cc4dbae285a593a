// SPDX-License-Identifier: Apache-2.0
#include "channel/frame.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

namespace shoal::channel {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 251);
  return bytes;
}

// Puts what it can of `bytes` into a reader, `step` at a time, and gives how much.
std::size_t feed(FrameReader& reader, std::span<const std::byte> bytes, std::size_t step) {
  std::size_t taken = 0;
  while (taken < bytes.size()) {
    const std::span<std::byte> room = reader.room();
    if (room.empty()) break;
    const std::size_t size = std::min({step, room.size(), bytes.size() - taken});
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(taken), size, room.begin());
    reader.filled(size);
    taken += size;
  }
  return taken;
}

const Bytes kKey = bytes_of(32);

TEST(FrameTest, ComesOutAsItWentInHoweverItIsCut) {
  for (const std::size_t size : {0U, 1U, 100U, 65535U, 300'000U}) {
    for (const Bytes& key : {Bytes(), kKey}) {
      for (const std::size_t step : {7U, 4096U, 1U << 20}) {
        Bytes frame = make_frame({}, {5, size}, bytes_of(size), key, 3);
        const std::size_t length = frame.size();
        frame.push_back(std::byte{1});  // of the next
        FrameReader reader(key, 3);
        EXPECT_EQ(feed(reader, frame, step), length);
        ASSERT_TRUE(reader.is_whole() && reader.is_genuine());
        EXPECT_EQ(reader.header()->type, 5U);
        EXPECT_TRUE(std::ranges::equal(reader.message(), bytes_of(size)));
      }
    }
  }
}

TEST(FrameTest, WhatStandsAheadIsNoPartOfIt) {
  const Bytes ahead = bytes_of(48);
  const Bytes frame = make_frame(ahead, {1, 3}, bytes_of(3), kKey, 0);
  FrameReader reader(kKey, 0);
  feed(reader, std::span(frame).subspan(48), 1000);
  EXPECT_TRUE(reader.is_genuine());
}

TEST(FrameTest, EveryBitThatIsChangedOnItsWayIsNoticed) {
  const Bytes frame = make_frame({}, {1, 20}, bytes_of(20), kKey, 0);
  for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
    Bytes changed = frame;
    changed[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
    FrameReader reader(kKey, 0);
    feed(reader, changed, 1000);
    EXPECT_FALSE(reader.is_genuine()) << bit;
  }
}

TEST(FrameTest, AFrameRepeatedLeftOutOrOfAnotherKeyIsNoticed) {
  const Bytes frame = make_frame({}, {1, 20}, bytes_of(20), kKey, 4);
  for (const std::uint64_t expected : {std::uint64_t{5}, std::uint64_t{3}}) {
    FrameReader reader(kKey, expected);
    feed(reader, frame, 1000);
    EXPECT_TRUE(reader.is_whole());
    EXPECT_FALSE(reader.is_genuine());
  }
  const Bytes other = bytes_of(31);
  FrameReader reader(other, 4);
  feed(reader, frame, 1000);
  EXPECT_FALSE(reader.is_genuine());
}

TEST(FrameTest, AClaimCostsNoMemory) {
  FrameReader reader({}, 0);
  const FrameHeader claim{1, std::uint64_t{1} << 40};
  feed(reader, std::as_bytes(std::span(&claim, 1)), 1000);
  EXPECT_FALSE(reader.is_whole());
  EXPECT_LE(reader.room().size(), FrameReader::kStep);
}

TEST(FrameTest, AnImpossibleLengthIsNone) {
  for (const std::uint64_t size :
       {~std::uint64_t{0}, ~std::uint64_t{0} - 32, FrameReader::kLargest + 1}) {
    FrameReader reader(kKey, 0);
    const FrameHeader claim{1, size};
    feed(reader, std::as_bytes(std::span(&claim, 1)), 1000);
    EXPECT_TRUE(reader.is_impossible());
    EXPECT_TRUE(reader.room().empty());
    EXPECT_FALSE(reader.is_genuine());
  }
}

}  // namespace
}  // namespace shoal::channel
