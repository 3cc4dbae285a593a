// SPDX-License-Identifier: Apache-2.0
#include "shoal/writer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <limits>
#include <string>

#include "shoal/codec.hpp"
#include "shoal/error.hpp"
#include "shoal/reader.hpp"
#include "support/leak_guard.hpp"
#include "unit/serial/open_null.hpp"

namespace shoal {
namespace {

using test::open_null;

bool stands_in(const Writer& writer, const std::byte* at) {
  const auto* const first = reinterpret_cast<const std::byte*>(&writer);
  return std::less_equal<>()(first, at) && std::less<>()(at, first + sizeof writer);
}

TEST(WriterTest, KeepsTheFirst128BytesInItself) {
  Writer writer;
  for (int i = 0; i < 32; ++i) writer.put(i);
  EXPECT_EQ(writer.bytes().size(), 128u);
  EXPECT_TRUE(stands_in(writer, writer.bytes().data()));
}

TEST(WriterTest, GrowsBeyondItsOwnMemory) {
  Writer writer;
  for (int i = 0; i < 1000; ++i) writer.put(i);
  Reader reader(writer.bytes());
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(reader.get<int>(), i);
  reader.finish();
}

TEST(WriterTest, DoesNotMoveWhatWasReserved) {
  Writer writer;
  writer.reserve(4096);
  const std::byte* const before = writer.bytes().data();
  writer.write(std::string(4096, 'x').data(), 4096);
  EXPECT_EQ(writer.bytes().data(), before);
}

TEST(WriterTest, MovesShortBytesAlong) {
  Writer first;
  first.put(42);
  Writer second = std::move(first);
  EXPECT_EQ(Reader(second.bytes()).get<int>(), 42);
  EXPECT_TRUE(stands_in(second, second.bytes().data()));
}

TEST(WriterTest, MovesLongBytesAlong) {
  Writer first;
  first.put(std::string(1000, 'x'));
  Writer second;
  second.put(1);
  second = std::move(first);
  EXPECT_EQ(Reader(second.bytes()).get<std::string>(), std::string(1000, 'x'));
}

TEST(WriterTest, CanBeUsedAfterBeingMovedFrom) {
  Writer first;
  first.put(std::string(1000, 'x'));
  const Writer second = std::move(first);
  first.put(7);
  EXPECT_EQ(Reader(first.bytes()).get<int>(), 7);
}

TEST(WriterTest, ForgetsEverythingWhenCleared) {
  const test::LeakGuard guard;
  Writer writer;
  writer.put(1);
  writer.put_fd(open_null());
  writer.clear();
  EXPECT_TRUE(writer.bytes().empty());
  EXPECT_TRUE(writer.descriptors().empty());
}

TEST(WriterTest, SendsADescriptorGivenTwiceOnce) {
  const std::shared_ptr<const UniqueFd> fd = open_null();
  Writer writer;
  writer.put_fd(fd);
  writer.put_fd(open_null());
  writer.put_fd(fd);
  EXPECT_EQ(writer.descriptors().size(), 2u);
  Reader reader(writer.bytes(), writer.descriptors());
  EXPECT_EQ(reader.take_fd(), fd);
  EXPECT_NE(reader.take_fd(), fd);
  EXPECT_EQ(reader.take_fd(), fd);
}

TEST(WriterTest, RefusesAClosedDescriptor) {
  Writer writer;
  EXPECT_THROW(writer.put_fd(nullptr), CodecError);
  EXPECT_THROW(writer.put_fd(std::make_shared<const UniqueFd>()), CodecError);
}

TEST(ReaderTest, RefusesADescriptorThatDidNotCome) {
  Writer writer;
  writer.put(std::uint32_t{1});
  const std::array descriptors{open_null()};
  Reader reader(writer.bytes(), descriptors);
  EXPECT_THROW(reader.take_fd(), CodecError);
}

TEST(ReaderTest, RefusesToReadBeyondTheEnd) {
  Writer writer;
  writer.put(1);
  Reader reader(writer.bytes());
  EXPECT_THROW(reader.get<std::uint64_t>(), CodecError);
  EXPECT_THROW(reader.take(5), CodecError);
  EXPECT_THROW(reader.take(std::numeric_limits<std::size_t>::max()), CodecError);
  EXPECT_EQ(reader.remaining(), 4u);
}

TEST(ReaderTest, RefusesBytesLeftOver) {
  Writer writer;
  writer.put(1);
  Reader reader(writer.bytes());
  EXPECT_THROW(reader.finish(), CodecError);
  reader.get<int>();
  reader.finish();
}

TEST(ReaderTest, ReadsNothingFromNothing) {
  Reader reader(std::span<const std::byte>{});
  reader.read(nullptr, 0);
  EXPECT_TRUE(reader.take(0).empty());
  reader.finish();
}

TEST(ReaderTest, RefusesMoreElementsThanFit) {
  Writer writer;
  writer.put(std::uint64_t{3});
  writer.put(std::uint64_t{0});
  EXPECT_THROW(Reader(writer.bytes()).take_count(4), CodecError);
  EXPECT_EQ(Reader(writer.bytes()).take_count(2), 3u);
}

// Eight bytes announce a number of elements: all the bytes that bear on how many there may be.
TEST(ReaderTest, LimitsElementsThatAreWrittenAsNothing) {
  constexpr std::uint64_t kMost = (std::uint64_t{1} << 20) + sizeof(std::uint64_t);
  Writer few;
  few.put(kMost);
  EXPECT_EQ(Reader(few.bytes()).take_count(0), kMost);
  Writer many;
  many.put(kMost + 1);
  EXPECT_THROW(Reader(many.bytes()).take_count(0), CodecError);
}

TEST(ReaderTest, LimitsThemForAMessageNotForEachContainer) {
  Writer writer;
  for (int i = 0; i < 3; ++i) writer.put(std::uint64_t{1} << 19);
  Reader reader(writer.bytes());
  reader.take_count(0);
  reader.take_count(0);
  EXPECT_THROW(reader.take_count(0), CodecError);
}

}  // namespace
}  // namespace shoal
