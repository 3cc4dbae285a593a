// SPDX-License-Identifier: Apache-2.0
// Who may poll, and for how long it is worth it; what foretells a run; when a map's part ends.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <vector>

#include "pool/notifier.hpp"
#include "pool/reply_ring.hpp"
#include "pool/run_times.hpp"
#include "pool/spin_tokens.hpp"
#include "shoal/item_run.hpp"
#include "sync/spin_history.hpp"

namespace shoal::pool {
namespace {

using namespace std::chrono_literals;

struct FakeSpinner {
  void allow_spin(bool may) { may_spin = may; }
  bool has_tasks() const { return is_busy; }
  bool may_spin = false;
  bool is_busy = false;
};

TEST(SpinTokensTest, TheWorkersUsedLastMayPoll) {
  FakeSpinner first, second, third;
  SpinTokens<FakeSpinner> tokens(2);
  for (FakeSpinner* worker : {&first, &second, &first, &third}) tokens.use(*worker);
  EXPECT_TRUE(first.may_spin);
  EXPECT_FALSE(second.may_spin);
  EXPECT_TRUE(third.may_spin);
}

TEST(SpinTokensTest, ALeaderTakesTheTokenOfAnIdleWorker) {
  FakeSpinner idle, busy;
  SpinTokens<FakeSpinner> tokens(2);
  tokens.use(idle);
  tokens.use(busy);
  busy.is_busy = true;
  EXPECT_TRUE(tokens.lead());
  EXPECT_TRUE(idle.may_spin);  // one is left for it
  busy.is_busy = false;
  EXPECT_TRUE(tokens.lead());
  EXPECT_FALSE(idle.may_spin);
}

TEST(SpinTokensTest, OnOneCpuNobodyPolls) {
  FakeSpinner worker;
  SpinTokens<FakeSpinner> tokens(0);
  tokens.use(worker);
  EXPECT_FALSE(worker.may_spin);
  EXPECT_FALSE(tokens.lead());
}

TEST(SpinHistoryTest, AfterEightPollsInVainAShortWaitEarnsAnotherTry) {
  sync::SpinHistory history;
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(history.should_spin());
    history.spun(false);
  }
  EXPECT_FALSE(history.should_spin());
  history.slept(10ms);
  EXPECT_FALSE(history.should_spin());
  history.slept(10us);
  EXPECT_TRUE(history.should_spin());
  history.spun(false);  // the next try costs two short waits
  history.slept(10us);
  EXPECT_FALSE(history.should_spin());
  history.slept(10us);
  EXPECT_TRUE(history.should_spin());
  history.spun(true);
  for (int i = 0; i < 7; ++i) history.spun(false);
  EXPECT_TRUE(history.should_spin());
}

TEST(RunTimesTest, TheOddSlowRunIsNotTypical) {
  RunTimes times;
  EXPECT_EQ(times.slowest(), RunTimes::kUnknown);
  EXPECT_EQ(times.items_in(50'000), 1U);
  for (int i = 0; i < 100; ++i) times.record(200);
  times.record(4'000'000);
  EXPECT_EQ(times.slowest(), 4'000'000U);
  EXPECT_LT(times.typical(), 600U);
  for (int i = 0; i < 16; ++i) times.record(200);
  EXPECT_EQ(times.slowest(), 200U);
}

class ItemRunTest : public testing::Test {
 protected:
  internal::ItemRun run(std::uint32_t count, std::size_t room) {
    return {count, 7, room, {progress, started, end_run}};
  }
  internal::ItemRun::Progress announced() const {
    return internal::ItemRun::Progress::unpack(progress.load());
  }

  std::atomic<std::uint64_t> progress{0};
  std::atomic<std::int64_t> started{0};
  std::atomic<std::uint64_t> end_run{0};
  std::vector<std::byte> memory = std::vector<std::byte>(64);
  ReplyRing ring{memory};
  Writer results{ring.block(0, 64)};
};

TEST_F(ItemRunTest, EachElementIsAnnouncedWhenItIsDone) {
  internal::ItemRun items = run(2, 64);
  ASSERT_TRUE(items.next(results));
  EXPECT_EQ(announced().items, 0U);
  results.put(1);
  ASSERT_TRUE(items.next(results));
  EXPECT_EQ(announced().items, 1U);
  EXPECT_EQ(announced().bytes, sizeof(int));
  results.put(2);
  EXPECT_FALSE(items.next(results));
  EXPECT_TRUE(items.is_complete());
  EXPECT_NE(started.load(), 0);
}

TEST_F(ItemRunTest, WhatHasOutgrownItsRoomIsNotAnnounced) {
  internal::ItemRun items = run(9, 64);
  ASSERT_TRUE(items.next(results));
  results.write(std::vector<char>(100).data(), 100);  // on the heap from here on
  EXPECT_FALSE(items.next(results));
  EXPECT_EQ(announced().items, 0U);
  EXPECT_EQ(items.done().items, 1U);
}

TEST_F(ItemRunTest, WithoutRoomOneElementIsRun) {
  internal::ItemRun items = run(9, 0);
  ASSERT_TRUE(items.next(results));
  results.put(1);
  EXPECT_FALSE(items.next(results));
}

TEST_F(ItemRunTest, TheParentCanEndIt) {
  internal::ItemRun items = run(9, 64);
  end_run = 7;
  ASSERT_TRUE(items.next(results));  // one is run in any case
  results.put(1);
  EXPECT_FALSE(items.next(results));
  EXPECT_EQ(announced().items, 1U);
}

TEST(NotifierTest, NoticesAreCalledInTheirOrderAndMayThrow) {
  static Notifier& notifier = *new Notifier;  // its thread goes on, so its end would wait for ever
  std::vector<int> called;
  notifier.post([&] { called.push_back(1); });
  notifier.post([] { throw std::runtime_error("a user's"); });
  notifier.post([&] { called.push_back(2); });
  ASSERT_TRUE(notifier.drain(base::Deadline::never()));
  EXPECT_EQ(called, (std::vector<int>{1, 2}));
}

TEST(NotifierTest, WhatIsForLaterIsCalledInTheOrderOfTimeAndNotBefore) {
  static Notifier& notifier = *new Notifier;
  const auto begin = std::chrono::steady_clock::now();
  std::vector<int> called;
  std::promise<std::chrono::steady_clock::time_point> last;
  const base::Deadline early = base::Deadline::in(20ms);
  const base::Deadline late = base::Deadline::in(40ms);
  notifier.post([&] {  // on its own thread, so that none is called before all are posted
    notifier.post_at(late, [&] {
      called.push_back(2);
      last.set_value(std::chrono::steady_clock::now());
    });
    notifier.post_at(early, [&] { called.push_back(1); });
    notifier.post([&] { called.push_back(0); });
  });
  EXPECT_GE(last.get_future().get() - begin, 40ms);
  EXPECT_EQ(called, (std::vector<int>{0, 1, 2}));
}

}  // namespace
}  // namespace shoal::pool
