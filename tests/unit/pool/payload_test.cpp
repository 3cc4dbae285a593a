// SPDX-License-Identifier: Apache-2.0
#include "pool/payload.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace shoal::pool {
namespace {

std::vector<std::byte> bytes_of(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7);
  return bytes;
}

TEST(PayloadTest, KeepsBytesOfAnySize) {
  for (const std::size_t size : {0U, 1U, 104U, 105U, 100'000U}) {
    const std::vector<std::byte> bytes = bytes_of(size);
    const Payload payload(bytes);
    EXPECT_TRUE(std::ranges::equal(payload.bytes(), bytes)) << size;
  }
}

TEST(PayloadTest, TakesOverWhatWasWritten) {
  for (const std::size_t size : {0U, 104U, 105U, 100'000U}) {
    Writer writer;
    writer.write(bytes_of(size).data(), size);
    const Payload payload(std::move(writer));
    EXPECT_TRUE(std::ranges::equal(payload.bytes(), bytes_of(size))) << size;
  }
}

TEST(PayloadTest, MovingKeepsTheBytes) {
  for (const std::size_t size : {50U, 5000U}) {
    Payload first(bytes_of(size));
    const Payload second(std::move(first));
    EXPECT_TRUE(std::ranges::equal(second.bytes(), bytes_of(size)));
  }
}

}  // namespace
}  // namespace shoal::pool
