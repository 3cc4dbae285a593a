// SPDX-License-Identifier: Apache-2.0
// Waiting for several things at once.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <set>
#include <shoal/error.hpp>
#include <shoal/wait_any.hpp>
#include <string>
#include <vector>

#include "conformance/parties.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;
using Indices = std::vector<std::size_t>;

class WaitAnySuite : public ProcessPartySuite {};

void send_ten(const Connection& out, int from) {
  for (int i = 0; i < 10; ++i) out.send(from + i);
}

TEST_P(WaitAnySuite, ServesPipesUntilTheirEnds_137) {
  std::vector<Connection> readers;
  std::vector<Party> children;
  for (int i = 0; i < 4; ++i) {
    auto [reader, writer] = pipe(Duplex::no);
    children.push_back(start(send_ten, writer, i * 10));
    writer.close();
    readers.push_back(reader);
  }
  std::set<int> got;
  while (!readers.empty()) {
    const std::vector<Waitable> things(readers.begin(), readers.end());
    const Indices ready = wait_any(things);
    ASSERT_FALSE(ready.empty());
    for (auto at = ready.rbegin(); at != ready.rend(); ++at) {
      try {
        got.insert(readers[*at].recv<int>());
      } catch (const EndOfStreamError&) {
        readers.erase(readers.begin() + static_cast<std::ptrdiff_t>(*at));
      }
    }
  }
  EXPECT_EQ(got.size(), 40U);
  for (Party& child : children) EXPECT_TRUE(child.join());
}

void write_ten(const UniqueFd& socket, char letter) {
  const std::string text(10, letter);
  ASSERT_EQ(::write(socket.get(), text.data(), text.size()), 10);
}

TEST_P(WaitAnySuite, ServesSocketsUntilTheirEnds_138) {
  std::vector<UniqueFd> readers;
  std::vector<Process> children;
  for (int i = 0; i < 4; ++i) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    readers.emplace_back(ends[0]);
    children.push_back(get_context(GetParam().method())
                           .process(write_ten, UniqueFd(ends[1]), static_cast<char>('a' + i)));
    children.back().start();
  }
  std::string all;
  while (!readers.empty()) {
    std::vector<Waitable> things;
    for (const UniqueFd& reader : readers) things.emplace_back(reader.get());
    const Indices ready = wait_any(things);
    for (auto at = ready.rbegin(); at != ready.rend(); ++at) {
      std::array<char, 4> part{};
      const ssize_t size = ::read(readers[*at].get(), part.data(), part.size());
      ASSERT_GE(size, 0);
      if (size == 0) readers.erase(readers.begin() + static_cast<std::ptrdiff_t>(*at));
      all.append(part.data(), static_cast<std::size_t>(size));
    }
  }
  EXPECT_EQ(all.size(), 40U);
  for (Process& child : children) child.join();
}

TEST_P(WaitAnySuite, NamesAllThatAreReady_139_140) {
  const Queue<int> empty;
  const Queue<int> filled;
  auto [reader, writer] = pipe(Duplex::no);
  Process child = get_context(GetParam().method()).process([] {});
  child.start();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(wait_any({empty, filled, reader}, 150ms), Indices());
  EXPECT_GE(std::chrono::steady_clock::now() - before, 150ms);
  child.join();
  filled.put(1);
  EXPECT_EQ(wait_any({empty, filled, reader, child}), (Indices{1, 3}));
  EXPECT_EQ(wait_any({empty, filled, reader, child}), (Indices{1, 3}));  // still there
  writer.send(1);
  EXPECT_EQ(wait_any({empty, reader}), Indices{1});
  filled.get();
  EXPECT_EQ(wait_any({empty, filled}, 0ms), Indices());
}

TEST_P(WaitAnySuite, NegativeTimeoutsDoNotWait_141) {
  const Queue<int> queue;
  EXPECT_EQ(wait_any({queue}, -1s), Indices());
  EXPECT_EQ(wait_any(std::vector<Waitable>(), -1s), Indices());
}

void put_one(const Queue<int>& queue) { queue.put(1); }

TEST_P(WaitAnySuite, WakesForWhatComesLater) {
  const Queue<int> first;
  const Queue<int> second;
  for (int round = 0; round < 10; ++round) {
    Party child = start(put_one, second);
    EXPECT_EQ(wait_any({first, second}), Indices{1});
    EXPECT_EQ(second.get(), 1);
    EXPECT_TRUE(child.join());
  }
}

void wait_and_get(const Queue<int>& a, const Queue<int>& b, const Queue<int>& out) {
  for (;;) {
    for (const std::size_t ready : wait_any({a, b})) {
      try {
        const auto got = ready == 0 ? a.try_get() : b.try_get();
        if (got) out.put(*got);
      } catch (const ClosedError&) {
        return;
      }
    }
  }
}

TEST_P(WaitAnySuite, SeveralWaitersMissNothing) {
  const Queue<int> a;
  const Queue<int> b;
  const Queue<int> out;
  std::vector<Party> waiters;
  for (int i = 0; i < 3; ++i) waiters.push_back(start(wait_and_get, a, b, out));
  std::multiset<int> got;
  for (int i = 0; i < 500; ++i) (i % 2 == 0 ? a : b).put(i);
  for (int i = 0; i < 500; ++i) got.insert(out.get());
  for (int i = 0; i < 500; ++i) EXPECT_EQ(got.count(i), 1U);
  a.close();
  for (Party& waiter : waiters) EXPECT_TRUE(waiter.join());
}

TEST_P(WaitAnySuite, AClosedQueueIsReady) {
  const Queue<int> queue;
  Party child = start([](const Queue<int>& closing) { closing.close(); }, queue);
  EXPECT_EQ(wait_any({queue}), Indices{0});
  EXPECT_TRUE(child.join());
}

SHOAL_FOR_EACH_PROCESS_HOME(WaitAnySuite);

TEST(WaitAnyTest, WhatIsNotOpenIsAnError) {
  EXPECT_THROW(wait_any({Waitable(99'999)}, 0ms), Error);
  auto [a, b] = pipe();
  a.close();
  EXPECT_THROW(wait_any({a}), ClosedError);
}

}  // namespace
}  // namespace shoal::test
