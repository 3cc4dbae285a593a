// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "metrics/log_reader.hpp"
#include "metrics/log_writer.hpp"
#include "sync/hardware.hpp"

namespace shoal::metrics {
namespace {

using Box = BlackBox<sync::Hardware>;
using Reader = LogReader<sync::Hardware>;

class LogRingTest : public testing::Test {
 protected:
  std::unique_ptr<Box> box = std::make_unique<Box>();
  LogWriter<sync::Hardware> writer{*box};
  Reader reader{*box};

  // The first record's header, to be spoiled.
  template <class Spoil>
  void expect_damage(Spoil spoil) {
    writer.write(LogLevel::warn, 1, "text");
    LogRecordHeader header;
    std::memcpy(&header, box->log.data(), sizeof header);
    spoil(header);
    std::memcpy(box->log.data(), &header, sizeof header);
    EXPECT_TRUE(reader.read().records.empty());
    EXPECT_TRUE(reader.is_damaged());
    EXPECT_FALSE(reader.has_news());
  }
};

TEST_F(LogRingTest, RecordsComeAsTheyWereWritten) {
  EXPECT_FALSE(reader.has_news());
  writer.write(LogLevel::warn, 11, "one");
  writer.write(LogLevel::critical, 12, "");
  EXPECT_TRUE(reader.has_news());
  const Reader::Batch batch = reader.read();
  EXPECT_EQ(batch.lost, 0U);
  ASSERT_EQ(batch.records.size(), 2U);
  EXPECT_EQ(batch.records[0].level, LogLevel::warn);
  EXPECT_EQ(batch.records[0].nanoseconds, 11);
  EXPECT_EQ(batch.records[0].text, "one");
  EXPECT_EQ(batch.records[1].level, LogLevel::critical);
  EXPECT_EQ(batch.records[1].text, "");
  EXPECT_FALSE(reader.has_news());
  EXPECT_TRUE(reader.read().records.empty());
}

TEST_F(LogRingTest, TheRingGoesRoundWithoutALoss) {
  for (std::size_t n = 0; n < 3000; ++n) {
    const std::string text(n % 500, static_cast<char>('a' + n % 26));
    writer.write(LogLevel::info, 0, text);
    const Reader::Batch batch = reader.read();
    ASSERT_EQ(batch.records.size(), 1U);
    ASSERT_EQ(batch.records[0].text, text);
    ASSERT_EQ(batch.lost, 0U);
  }
}

TEST_F(LogRingTest, TheOldestAreOverwrittenAndCounted) {
  for (int n = 1; n <= 5000; ++n) writer.write(LogLevel::info, n, std::to_string(n));
  const Reader::Batch batch = reader.read();
  ASSERT_FALSE(batch.records.empty());
  EXPECT_EQ(batch.lost + batch.records.size(), 5000U);
  EXPECT_EQ(batch.records.front().text, std::to_string(batch.lost + 1));
  EXPECT_EQ(batch.records.back().text, "5000");
  EXPECT_GT(batch.records.size(), kLogBytes / 64);
}

TEST_F(LogRingTest, ALongTextIsCut) {
  writer.write(LogLevel::info, 0, std::string(kLongestLogText, 'a'));
  writer.write(LogLevel::info, 0, std::string(kLogBytes * 2, 'b'));
  const Reader::Batch batch = reader.read();
  ASSERT_EQ(batch.records.size(), 2U);
  EXPECT_EQ(batch.records[0].text, std::string(kLongestLogText, 'a'));
  std::string cut(kLongestLogText, 'b');
  cut += " (cut)";
  EXPECT_EQ(batch.records[1].text, cut);
}

TEST_F(LogRingTest, AReaderBesideAWriterSeesWholeRecordsOnly) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "what may be torn is copied first and thrown away afterwards: a race by design";
#endif
  constexpr std::uint64_t kRecords = 200'000;
  const std::jthread writing([&] {
    for (std::uint64_t n = 1; n <= kRecords; ++n) {
      writer.write(LogLevel::info, static_cast<std::int64_t>(n),
                   std::string(n % 300, static_cast<char>('a' + n % 26)));
    }
  });
  std::uint64_t seen = 0;
  while (seen < kRecords) {
    const Reader::Batch batch = reader.read();
    ASSERT_FALSE(reader.is_damaged());
    seen += batch.lost;
    for (const LogRecord& record : batch.records) {
      ++seen;
      ASSERT_EQ(record.nanoseconds, static_cast<std::int64_t>(seen));
      ASSERT_EQ(record.text, std::string(seen % 300, static_cast<char>('a' + seen % 26)));
    }
  }
  EXPECT_EQ(seen, kRecords);
}

TEST_F(LogRingTest, ARecordShorterThanItsHeaderIsDamage) {
  expect_damage([](LogRecordHeader& header) { header.size = 8; });
}
TEST_F(LogRingTest, ARecordLongerThanTheRestIsDamage) {
  expect_damage([](LogRecordHeader& header) { header.size += 8; });
}
TEST_F(LogRingTest, ARecordOfAnImpossibleSizeIsDamage) {
  expect_damage([](LogRecordHeader& header) { header.size = ~std::uint32_t{0}; });
}
TEST_F(LogRingTest, ALevelThatIsNoneIsDamage) {
  expect_damage([](LogRecordHeader& header) { header.level = 6; });
}
TEST_F(LogRingTest, ANumberThatFallsIsDamage) {
  expect_damage([](LogRecordHeader& header) { header.number = 0; });
}
TEST_F(LogRingTest, AnEndThatFallsIsDamage) {
  writer.write(LogLevel::warn, 1, "text");
  reader.read();
  box->end = 8;
  EXPECT_TRUE(reader.read().records.empty());
  EXPECT_TRUE(reader.is_damaged());
}
TEST_F(LogRingTest, MoreThanTheRingHoldsIsDamage) {
  box->end = kLogBytes + 8;
  EXPECT_TRUE(reader.read().records.empty());
  EXPECT_TRUE(reader.is_damaged());
}
TEST_F(LogRingTest, APositionBesideTheGridIsDamage) {
  box->end = 30;
  EXPECT_TRUE(reader.read().records.empty());
  EXPECT_TRUE(reader.is_damaged());
}
TEST_F(LogRingTest, ABeginBehindTheEndGivesNothing) {
  box->end = 64;
  box->begin = 128;
  EXPECT_TRUE(reader.read().records.empty());
}

}  // namespace
}  // namespace shoal::metrics
