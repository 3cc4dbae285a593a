// SPDX-License-Identifier: Apache-2.0
#include "pool/trace.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

#include "shoal/error.hpp"
#include "support/tiny_json.hpp"

namespace shoal::pool {
namespace {

using test::Json;
using test::JsonParser;

class TraceTest : public testing::Test {
 protected:
  ~TraceTest() override { ::unlink(path.c_str()); }

  std::string text() const {
    std::ostringstream out;
    out << std::ifstream(path).rdbuf();
    return out.str();
  }
  static TraceEvent event(const std::string& name) {
    return {.name = name, .outcome = "value", .started = 1'000, .ended = 3'500, .pid = 7};
  }

  const std::string path =
      testing::TempDir() + "shoal-trace-" + std::to_string(::getpid()) + ".json";
};

TEST_F(TraceTest, TextIsEscaped) {
  const std::string nasty("a\"b\\c\n\x01 ü \xff", 12);
  const Json read = JsonParser::parse('"' + json_escaped(nasty) + '"');
  EXPECT_EQ(read.text, nasty);
}

TEST_F(TraceTest, WhatIsNoUtf8BecomesEscapes) {
  EXPECT_EQ(json_escaped("\xc3\xa4"), "\xc3\xa4");
  EXPECT_EQ(json_escaped("\xe2\x82\xac\xf0\x9f\x90\x9f"), "\xe2\x82\xac\xf0\x9f\x90\x9f");
  EXPECT_EQ(json_escaped("\x80"), "\\u0080");
  EXPECT_EQ(json_escaped("\xc3"), "\\u00c3");                        // cut
  EXPECT_EQ(json_escaped("\xc0\xaf"), "\\u00c0\\u00af");             // overlong
  EXPECT_EQ(json_escaped("\xed\xa0\x80"), "\\u00ed\\u00a0\\u0080");  // a surrogate
  EXPECT_EQ(json_escaped("\xf5\x80\x80\x80"), "\\u00f5\\u0080\\u0080\\u0080");
}

TEST_F(TraceTest, AnEventSaysWhatRanWhereAndWhen) {
  TraceEvent task = event("demo \"one\"");
  task.ticket = 41;
  task.attempt = 2;
  task.submitted = 400;
  task.items = 3;
  const Json read = JsonParser::parse(trace_line(task));
  EXPECT_EQ(read["ph"].text, "X");
  EXPECT_EQ(read["name"].text, "demo \"one\"");
  EXPECT_EQ(read["pid"].text, "7");
  EXPECT_EQ(read["tid"].text, "7");
  EXPECT_EQ(read["ts"].text, "1.000");
  EXPECT_EQ(read["dur"].text, "2.500");
  EXPECT_EQ(read["args"]["ticket"].text, "41");
  EXPECT_EQ(read["args"]["attempt"].text, "2");
  EXPECT_EQ(read["args"]["outcome"].text, "value");
  EXPECT_EQ(read["args"]["items"].text, "3");
  EXPECT_EQ(read["args"]["waited_us"].text, "0.600");
}

TEST_F(TraceTest, AFinishedFileIsWhole) {
  const auto trace = Trace::open(path);
  EXPECT_TRUE(trace->add(event("first")));
  EXPECT_FALSE(trace->add(event("second")));  // one call is due already
  trace->write();
  EXPECT_TRUE(trace->add_line(trace_name_line(7, "PoolWorker-1")));
  trace->finish();
  EXPECT_FALSE(trace->add(event("too late")));
  trace->write();
  const Json read = JsonParser::parse(text());
  ASSERT_EQ(read.elements.size(), 4U);
  EXPECT_EQ(read.elements[1]["name"].text, "first");
  EXPECT_EQ(read.elements[2]["name"].text, "second");
  EXPECT_EQ(read.elements[3]["args"]["name"].text, "PoolWorker-1");
}

TEST_F(TraceTest, WhatIsWrittenCanBeReadBeforeTheEnd) {
  const auto trace = Trace::open(path);
  EXPECT_EQ(JsonParser::parse(text() + "]").elements.size(), 1U);
  trace->add(event("first"));
  trace->write();
  EXPECT_EQ(JsonParser::parse(text() + "]").elements.size(), 2U);
  trace->finish();
}

TEST_F(TraceTest, BeyondWhatMayWaitEventsAreLeftOutAndCounted) {
  const auto trace = Trace::open(path);
  for (std::size_t i = 0; i < Trace::kMostPending + 5; ++i) trace->add(event("many"));
  trace->finish();
  const Json read = JsonParser::parse(text());
  EXPECT_EQ(read.elements.size(), Trace::kMostPending + 2);
  EXPECT_EQ(read.elements.back()["name"].text, "left_out");
  EXPECT_EQ(read.elements.back()["args"]["events"].text, "5");
}

TEST_F(TraceTest, AFileThatCannotBeMadeIsNamed) {
  try {
    Trace::open("/nowhere/trace.json");
    FAIL() << "made a file nowhere";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
    EXPECT_NE(std::string(error.what()).find("/nowhere/trace.json"), std::string::npos);
  }
}

TEST_F(TraceTest, AFullDiskEndsItQuietly) {
  const auto trace = Trace::open("/dev/full");
  trace->add(event("lost"));
  trace->write();
  trace->finish();
}

}  // namespace
}  // namespace shoal::pool
