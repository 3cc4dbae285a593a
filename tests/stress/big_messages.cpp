// SPDX-License-Identifier: Apache-2.0
// Messages of more than 2 GiB, by every road that has no bound of its own. Some ten GiB of memory
// are needed.

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <numeric>
#include <shoal/connection.hpp>
#include <shoal/error.hpp>
#include <shoal/process.hpp>
#include <shoal/process_pool_executor.hpp>
#include <shoal/queue.hpp>
#include <vector>

#include "conformance/start_methods.hpp"

namespace shoal::test {
namespace {

using Words = std::vector<std::uint64_t>;

constexpr std::size_t kWords = ((std::size_t{2} << 30) + (std::size_t{64} << 10)) / 8;

Words many_words() {
  Words words(kWords);
  std::iota(words.begin(), words.end(), std::uint64_t{1});
  return words;
}

std::uint64_t sum_of(const Words& words) {
  return std::accumulate(words.begin(), words.end(), std::uint64_t{0});
}

constexpr std::uint64_t kSum = std::uint64_t{kWords} * (kWords + 1) / 2;

class BigMessageSuite : public testing::TestWithParam<StartMethod> {};

TEST_P(BigMessageSuite, ConnectionsCarryThem) {
  const auto [here, there] = pipe();
  Process child = get_context(GetParam())
                      .process(
                          [](const Connection& connection) {
                            connection.send(sum_of(connection.recv<Words>()));
                            const std::vector<std::byte> bytes = connection.recv_bytes();
                            connection.send(bytes.size());
                            connection.send_bytes(bytes);
                          },
                          there);
  child.start();
  here.send(many_words());
  EXPECT_EQ(here.recv<std::uint64_t>(), kSum);
  std::vector<std::byte> bytes(kWords * 8 + 3);
  bytes.back() = std::byte{9};
  here.send_bytes(bytes);
  EXPECT_EQ(here.recv<std::size_t>(), bytes.size());
  EXPECT_TRUE(here.recv_bytes() == bytes);
  child.join();
  EXPECT_EQ(child.exitcode(), 0);
}

TEST_P(BigMessageSuite, PoolsTakeAndGiveThem) {
  ProcessPoolExecutor pool({.max_workers = 1, .context = get_context(GetParam())});
  EXPECT_EQ(pool.submit(sum_of, many_words()).get(), kSum);
  EXPECT_EQ(sum_of(pool.submit(many_words).get()), kSum);
}

// A queue's memory is bounded: what does not fit is refused, and the queue goes on.
TEST_P(BigMessageSuite, QueuesRefuseThem) {
  const Queue<Words> queue;
  EXPECT_THROW(queue.put(many_words()), ResourceError);
  queue.put({1, 2});
  EXPECT_EQ(queue.get().size(), 2U);
}

SHOAL_FOR_EACH_START_METHOD(BigMessageSuite);

}  // namespace
}  // namespace shoal::test
