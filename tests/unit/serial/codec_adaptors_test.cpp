// SPDX-License-Identifier: Apache-2.0
#include "shoal/codec_adaptors.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <list>
#include <string>
#include <vector>

#include "shoal/error.hpp"
#include "unit/serial/round_trip.hpp"

namespace shoal {
namespace {

using test::round_trip;

template <class Queue>
auto drain(Queue queue) {
  std::vector<typename Queue::value_type> values;
  for (; !queue.empty(); queue.pop()) values.push_back(queue.top());
  return values;
}

TEST(CodecAdaptorsTest, KeepsStacksAndQueues) {
  const std::stack<int> stack(std::deque<int>{1, 2, 3});
  EXPECT_EQ(round_trip(stack), stack);
  const std::queue<std::string> queue(std::deque<std::string>{"a", "b"});
  EXPECT_EQ(round_trip(queue), queue);
  const std::stack<int, std::vector<int>> contiguous(std::vector<int>{4, 5});
  EXPECT_EQ(round_trip(contiguous), contiguous);
  const std::queue<int, std::list<int>> list(std::list<int>{6});
  EXPECT_EQ(round_trip(list), list);
  EXPECT_TRUE(round_trip(std::stack<int>()).empty());
}

TEST(CodecAdaptorsTest, KeepsPriorityQueues) {
  const std::vector<int> values{5, 1, 9, 3};
  const std::priority_queue<int> largest(values.begin(), values.end());
  EXPECT_EQ(drain(round_trip(largest)), (std::vector<int>{9, 5, 3, 1}));
  const std::priority_queue<int, std::vector<int>, std::greater<>> smallest(values.begin(),
                                                                            values.end());
  EXPECT_EQ(drain(round_trip(smallest)), (std::vector<int>{1, 3, 5, 9}));
  EXPECT_TRUE(round_trip(std::priority_queue<int>()).empty());
}

TEST(CodecAdaptorsTest, MakesTheOrderOfAPriorityQueueAnew) {
  Writer writer;
  writer.put(std::vector<int>{1, 2, 3, 4, 5});  // no heap
  Reader reader(writer.bytes());
  EXPECT_EQ(drain(reader.get<std::priority_queue<int>>()), (std::vector<int>{5, 4, 3, 2, 1}));
}

TEST(CodecAdaptorsTest, KeepsValarrays) {
  const std::valarray<double> value{1.5, 2.5, 3.5};
  const std::valarray<double> copy = round_trip(value);
  ASSERT_EQ(copy.size(), 3u);
  EXPECT_TRUE((copy == value).min());
  EXPECT_EQ(round_trip(std::valarray<int>()).size(), 0u);
}

TEST(CodecAdaptorsTest, ALengthBeyondTheMessageIsRefused) {
  Writer writer;
  writer.put(std::uint64_t{1} << 61);
  writer.put(1.0);
  EXPECT_THROW(Reader(writer.bytes()).get<std::valarray<double>>(), CodecError);
  EXPECT_THROW(Reader(writer.bytes()).get<std::priority_queue<double>>(), CodecError);
  EXPECT_THROW(Reader(writer.bytes()).get<std::stack<double>>(), CodecError);
}

}  // namespace
}  // namespace shoal
