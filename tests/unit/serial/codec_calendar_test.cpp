// SPDX-License-Identifier: Apache-2.0
#include "shoal/codec_calendar.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "shoal/error.hpp"
#include "unit/serial/round_trip.hpp"

namespace shoal {
namespace {

using test::round_trip;
using namespace std::chrono;

TEST(CodecCalendarTest, KeepsTheParts) {
  EXPECT_EQ(round_trip(day(31)), day(31));
  EXPECT_EQ(round_trip(December), December);
  EXPECT_EQ(round_trip(year(-400)), year(-400));
  EXPECT_EQ(round_trip(year::max()), year::max());
  EXPECT_EQ(round_trip(Sunday), Sunday);
  EXPECT_EQ(round_trip(Saturday), Saturday);
  EXPECT_EQ(round_trip(Monday[5]), Monday[5]);
  EXPECT_EQ(round_trip(Monday[last]), Monday[last]);
}

TEST(CodecCalendarTest, KeepsWhatIsMadeOfThem) {
  EXPECT_EQ(round_trip(February / 29), February / 29);
  EXPECT_EQ(round_trip(February / last), February / last);
  EXPECT_EQ(round_trip(March / Monday[1]), March / Monday[1]);
  EXPECT_EQ(round_trip(March / Monday[last]), March / Monday[last]);
  EXPECT_EQ(round_trip(2024y / March), 2024y / March);
  EXPECT_EQ(round_trip(2024y / March / 5), 2024y / March / 5);
  EXPECT_EQ(round_trip(2024y / February / last), 2024y / February / last);
  EXPECT_EQ(round_trip(2024y / March / Monday[2]), 2024y / March / Monday[2]);
  EXPECT_EQ(round_trip(2024y / March / Monday[last]), 2024y / March / Monday[last]);
}

TEST(CodecCalendarTest, KeepsTimesOfDay) {
  const hh_mm_ss value(-(1h + 2min + 3s + 4ms));
  const hh_mm_ss copy = round_trip(value);
  EXPECT_EQ(copy.to_duration(), value.to_duration());
  EXPECT_TRUE(copy.is_negative());
}

TEST(CodecCalendarTest, KeepsPointsInTimeOfEveryClock) {
  const sys_days days = 2024y / March / 5;
  EXPECT_EQ(round_trip(days), days);
  EXPECT_EQ(round_trip(local_days(days.time_since_epoch())).time_since_epoch(),
            days.time_since_epoch());
  const auto now = system_clock::now();
  EXPECT_EQ(round_trip(now), now);
}

TEST(CodecCalendarTest, KeepsDatesInContainers) {
  const std::map<std::string, std::optional<year_month_day>> value{{"born", 1815y / December / 10},
                                                                   {"unknown", std::nullopt}};
  EXPECT_EQ(round_trip(value), value);
}

TEST(CodecCalendarTest, RefusesToSendADateThatIsNone) {
  EXPECT_THROW(round_trip(2023y / February / 29), CodecError);
  EXPECT_THROW(round_trip(month(13)), CodecError);
  EXPECT_THROW(round_trip(Monday[6]), CodecError);
  try {
    round_trip(2023y / February / 30);
    FAIL() << "30 February was sent";
  } catch (const CodecError& error) {
    EXPECT_NE(std::string(error.what()).find("year_month_day"), std::string::npos) << error.what();
  }
}

TEST(CodecCalendarTest, RefusesBytesThatAreNoDate) {
  const auto refuses = []<class T>(T, std::initializer_list<int> bytes) {
    Writer writer;
    for (const int byte : bytes) writer.put(static_cast<unsigned char>(byte));
    EXPECT_THROW(Reader(writer.bytes()).get<T>(), CodecError);
  };
  refuses(day(), {0});
  refuses(day(), {32});
  refuses(month(), {0});
  refuses(month(), {255});
  refuses(weekday(), {8});
  refuses(weekday(), {255});
  refuses(weekday_indexed(), {1, 0});
  refuses(weekday_indexed(), {1, 6});
  refuses(weekday_indexed(), {9, 1});
  refuses(year(), {0x00, 0x80});  // -32768
  refuses(year_month_day(), {0xe7, 0x07, 2, 29});
  refuses(year_month_day(), {0xe8, 0x07, 2});
}

}  // namespace
}  // namespace shoal
