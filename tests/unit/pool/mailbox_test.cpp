// SPDX-License-Identifier: Apache-2.0
#include "pool/mailbox.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "pool/board.hpp"
#include "sync/hardware.hpp"

namespace shoal::pool {
namespace {

using sync::Hardware;

// Both halves in one process, on one piece of memory.
class MailboxTest : public testing::Test {
 protected:
  static Entry entry(std::uint64_t ticket) {
    Entry entry{};
    entry.ticket = ticket;
    return entry;
  }
  static Completion completion(std::uint64_t ticket) {
    Completion completion{};
    completion.ticket = ticket;
    return completion;
  }
  static Honesty publish(ParentMailbox<Hardware>& mailbox, std::uint64_t ticket) {
    mailbox.write(entry(ticket));
    return mailbox.publish();
  }
  bool has_completion(std::uint64_t ticket) {
    Completion copy;
    const auto [honesty, has] = parent.peek(ticket, copy);
    EXPECT_EQ(honesty, Honesty::honest);
    return has;
  }

  std::unique_ptr<Submissions<Hardware>> submissions = std::make_unique<Submissions<Hardware>>();
  std::unique_ptr<Completions<Hardware>> completions = std::make_unique<Completions<Hardware>>();
  std::unique_ptr<Gate<Hardware>> gate = std::make_unique<Gate<Hardware>>();
  ParentMailbox<Hardware> parent{*submissions, *completions, *gate};
  WorkerMailbox<Hardware> worker{*submissions, *completions, *gate};
};

TEST_F(MailboxTest, ATaskGoesThereAndItsResultComesBack) {
  Entry taken;
  EXPECT_FALSE(worker.take(taken, 0));
  ASSERT_EQ(publish(parent, 41), Honesty::honest);
  ASSERT_TRUE(worker.take(taken, 1234));
  EXPECT_EQ(taken.ticket, 41U);
  EXPECT_EQ(parent.taken(), 41U);
  EXPECT_EQ(parent.started(), 1234);
  EXPECT_FALSE(has_completion(41));
  worker.complete(completion(41));
  EXPECT_TRUE(has_completion(41));
  parent.release();
  EXPECT_FALSE(has_completion(42));
  EXPECT_EQ(parent.in_flight(), 0U);
  EXPECT_EQ(worker.reclaimed(), 1U);
}

TEST_F(MailboxTest, AReportIsOfOneTaskAndANumber) {
  const auto report = [&](double said) {
    completions->report.store(std::bit_cast<std::uint64_t>(said));
    completions->report_ticket.store(7);
  };
  EXPECT_EQ(parent.report(7), std::nullopt);
  report(0.25);
  EXPECT_EQ(parent.report(7), 0.25);
  EXPECT_EQ(parent.report(8), std::nullopt);
  report(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(parent.report(7), std::nullopt);
  report(-std::numeric_limits<double>::infinity());
  EXPECT_EQ(parent.report(7), std::nullopt);
}

TEST_F(MailboxTest, WhatIsWrittenIsSeenOncePublished) {
  Entry taken;
  parent.write(entry(1));
  parent.write(entry(2));
  EXPECT_EQ(parent.in_flight(), 2U);
  EXPECT_FALSE(worker.take(taken, 0));
  ASSERT_EQ(parent.publish(), Honesty::honest);
  EXPECT_TRUE(worker.take(taken, 0));
  EXPECT_TRUE(worker.take(taken, 0));
  EXPECT_EQ(taken.ticket, 2U);
}

TEST_F(MailboxTest, NoMoreIsCopiedThanIsUsed) {
  Entry full = entry(1);
  full.size = kEntryInlineBytes;
  full.bytes.fill(std::byte{7});
  parent.write(full);
  Entry small = entry(2);
  small.size = 1;
  for (std::uint32_t i = 1; i < kDepth; ++i) parent.write(small);
  ASSERT_EQ(parent.publish(), Honesty::honest);
  Entry taken{};
  ASSERT_TRUE(worker.take(taken, 0));
  EXPECT_EQ(taken.bytes, full.bytes);
}

TEST_F(MailboxTest, WhatIsNotTakenCanBeRevoked) {
  for (std::uint64_t ticket = 1; ticket <= 5; ++ticket) {
    ASSERT_EQ(publish(parent, ticket), Honesty::honest);
  }
  Entry taken;
  ASSERT_TRUE(worker.take(taken, 0));
  ASSERT_TRUE(worker.take(taken, 0));
  EXPECT_EQ(parent.revoke_youngest().count, 1U);
  EXPECT_EQ(parent.revoke_untaken().count, 2U);
  EXPECT_EQ(parent.revoke_untaken().count, 0U);
  EXPECT_FALSE(worker.take(taken, 0));
  EXPECT_EQ(parent.in_flight(), 2U);
}

TEST_F(MailboxTest, AnIndexIsUsedAgainAfterItsRevocation) {
  ASSERT_EQ(publish(parent, 1), Honesty::honest);
  ASSERT_EQ(parent.revoke_youngest().count, 1U);
  ASSERT_EQ(publish(parent, 2), Honesty::honest);
  Entry taken;
  ASSERT_TRUE(worker.take(taken, 0));
  EXPECT_EQ(taken.ticket, 2U);
}

TEST_F(MailboxTest, AllEntriesCanBeInFlight) {
  for (std::uint64_t ticket = 1; ticket <= kDepth; ++ticket) {
    ASSERT_TRUE(parent.has_room());
    ASSERT_EQ(publish(parent, ticket), Honesty::honest);
  }
  EXPECT_FALSE(parent.has_room());
}

TEST_F(MailboxTest, IndicesMayWrap) {
  // The gate's halves start just below the wrap of 32 bits, as after four billion tasks.
  constexpr std::uint32_t kStart = 0xfffffff0;
  gate->word.store(GateValue{kStart, kStart}.pack());
  ParentMailbox<Hardware> late(*submissions, *completions, *gate, kStart);
  for (std::uint64_t ticket = 1; ticket <= 100; ++ticket) {
    ASSERT_EQ(publish(late, ticket), Honesty::honest);
    Entry taken;
    ASSERT_TRUE(worker.take(taken, 0));
    ASSERT_EQ(taken.ticket, ticket);
    worker.complete(completion(ticket));
    Completion copy;
    ASSERT_TRUE(late.peek(ticket, copy).has_completion);
    late.release();
  }
}

TEST_F(MailboxTest, AForgedCompletionIsAViolation) {
  ASSERT_EQ(publish(parent, 1), Honesty::honest);
  Completion copy;
  worker.complete(completion(99));
  EXPECT_EQ(parent.peek(1, copy).honesty, Honesty::violation);
}

TEST_F(MailboxTest, MoreCompletionsThanTasksAreAViolation) {
  ASSERT_EQ(publish(parent, 1), Honesty::honest);
  completions->cq_tail.store(2);
  Completion copy;
  EXPECT_EQ(parent.peek(1, copy).honesty, Honesty::violation);
  completions->cq_tail.store(~std::uint64_t{0});  // backwards
  EXPECT_EQ(parent.peek(1, copy).honesty, Honesty::violation);
}

TEST_F(MailboxTest, AnImpossibleGateIsAViolation) {
  ASSERT_EQ(publish(parent, 1), Honesty::honest);
  for (const GateValue forged : {GateValue{1, 2}, GateValue{5, 0}, GateValue{1, 0xffffffff}}) {
    gate->word.store(forged.pack());
    EXPECT_EQ(publish(parent, 2), Honesty::violation);
    EXPECT_EQ(parent.revoke_untaken().honesty, Honesty::violation);
  }
}

enum class Seen { never, at_peek, at_publish };

// What a worker may write into its words while it runs task 1 and task 2 waits.
struct WordLie {
  const char* what;
  std::uint64_t tail;  // 0 is the truth
  GateValue gate;      // {2, 1} is
  Seen seen;
};
class WordLieTest : public MailboxTest, public testing::WithParamInterface<WordLie> {};

TEST_P(WordLieTest, IsSeenOrHarmless) {
  ASSERT_EQ(publish(parent, 1), Honesty::honest);
  ASSERT_EQ(publish(parent, 2), Honesty::honest);
  Entry taken;
  ASSERT_TRUE(worker.take(taken, 0));
  const auto& [what, tail, forged, seen] = GetParam();
  completions->cq_tail.store(tail);
  gate->word.store(forged.pack());
  Completion copy{};
  const auto [honesty, has_completion] = parent.peek(1, copy);
  EXPECT_EQ(honesty == Honesty::violation, seen == Seen::at_peek);
  EXPECT_EQ(publish(parent, 3) == Honesty::violation, seen == Seen::at_publish);
  EXPECT_EQ(parent.in_flight(), 3U);
  EXPECT_EQ(parent.revoke_untaken().honesty == Honesty::violation, seen == Seen::at_publish);
  EXPECT_LE(parent.in_flight(), 3U);
}

constexpr std::uint64_t kAllOnes = ~std::uint64_t{0};
constexpr GateValue kTrueGate{2, 1};
INSTANTIATE_TEST_SUITE_P(
    , WordLieTest,
    testing::Values(
        WordLie{"ATailWithoutACompletion", 1, kTrueGate, Seen::at_peek},
        WordLie{"ATailBeyondWhatIsInFlight", 3, kTrueGate, Seen::at_peek},
        WordLie{"ATailBeyondTheRing", kDepth + 1, kTrueGate, Seen::at_peek},
        WordLie{"ATailThatWrapsInItsLowerHalf", std::uint64_t{1} << 32, kTrueGate, Seen::at_peek},
        WordLie{"ATailThatWrapsToOne", (std::uint64_t{1} << 32) + 1, kTrueGate, Seen::at_peek},
        WordLie{"ATailThatRunsBackwards", kAllOnes, kTrueGate, Seen::at_peek},
        WordLie{"TheMostNegativeTail", std::uint64_t{1} << 63, kTrueGate, Seen::at_peek},
        WordLie{"ALimitMovedUp", 0, {3, 1}, Seen::at_publish},
        WordLie{"ALimitMovedDown", 0, {1, 1}, Seen::at_publish},
        WordLie{"ALimitFarAway", 0, {0x80000002, 1}, Seen::at_publish},
        WordLie{"NextBeyondLimit", 0, {2, 3}, Seen::at_publish},
        WordLie{"NextFarAway", 0, {2, 0x80000000}, Seen::at_publish},
        WordLie{"NextBeforeWhatWasCollected", 0, {2, 0xffffffff}, Seen::at_publish},
        WordLie{"NextTakenBack", 0, {2, 0}, Seen::never},
        WordLie{"NextThatTookAll", 0, {2, 2}, Seen::never}),
    [](const auto& lie) { return std::string(lie.param.what); });

TEST_F(MailboxTest, ATaskIsAnsweredOnceAndInItsTurn) {
  ASSERT_EQ(publish(parent, 1), Honesty::honest);
  ASSERT_EQ(publish(parent, 2), Honesty::honest);
  Completion copy;
  worker.complete(completion(2));
  EXPECT_EQ(parent.peek(1, copy).honesty, Honesty::violation);  // somebody else's
  completions->completions[0] = completion(1);
  ASSERT_TRUE(has_completion(1));
  parent.release();
  worker.complete(completion(1));
  EXPECT_EQ(parent.peek(2, copy).honesty, Honesty::violation);  // answered already
}

TEST_F(MailboxTest, OnlyASleepingWorkerNeedsAWake) {
  ASSERT_EQ(publish(parent, 1), Honesty::honest);
  EXPECT_FALSE(parent.needs_wake());
  completions->sleeping.store(1);
  EXPECT_TRUE(parent.needs_wake());
  EXPECT_EQ(submissions->bell.load(), 1U);
}

TEST_F(MailboxTest, ASleepIsEndedByOneWake) {
  completions->sleeping.store(1);
  EXPECT_TRUE(parent.needs_wake());
  EXPECT_FALSE(parent.needs_wake());  // the wake is on its way
  completions->sleeping.store(2);
  EXPECT_FALSE(parent.needs_wake());
  completions->sleeping.store(3);  // it slept again before anybody looked
  EXPECT_TRUE(parent.needs_wake());
}

TEST_F(MailboxTest, NewsIsACompletionThatWasNotCollected) {
  EXPECT_FALSE(parent.has_news());
  ASSERT_EQ(publish(parent, 1), Honesty::honest);
  Entry taken;
  ASSERT_TRUE(worker.take(taken, 0));
  worker.complete(completion(1));
  EXPECT_TRUE(parent.has_news());
  EXPECT_TRUE(has_completion(1));
  parent.release();
  EXPECT_FALSE(parent.has_news());
}

TEST_F(MailboxTest, AWorkerWithASegmentToUnmapDoesNotSleep) {
  parent.drop_segments();
  worker.sleep();  // would hang
  EXPECT_TRUE(worker.has_dropped_segments());
  EXPECT_FALSE(worker.has_dropped_segments());
  EXPECT_FALSE(worker.has_work());
}

TEST_F(MailboxTest, AWorkerToldToLeaveDoesNotSleep) {
  parent.command(Command::exit);
  worker.sleep();  // would hang
  EXPECT_EQ(worker.command(), Command::exit);
}

// One thread each: every task is either taken, once, or revoked, once, and no wake is lost.
TEST_F(MailboxTest, RacingTakesAndRevocationsShareOutEveryTask) {
  constexpr std::uint64_t kTasks = 200'000;
  std::thread runner([&] {
    Entry taken;
    while (worker.command() == Command::run) {
      if (worker.take(taken, 0)) {
        worker.complete(completion(taken.ticket));
      } else {
        worker.sleep();
      }
    }
  });
  std::mt19937 random(1);
  std::vector<std::uint64_t> in_flight;
  std::uint64_t done = 0;
  std::uint64_t revoked = 0;
  std::uint64_t next = 1;
  while (done + revoked < kTasks) {
    Completion copy;
    while (!in_flight.empty() && parent.peek(in_flight.front(), copy).has_completion) {
      ASSERT_EQ(copy.ticket, in_flight.front());
      in_flight.erase(in_flight.begin());
      parent.release();
      ++done;
    }
    if (next <= kTasks && parent.has_room()) {
      ASSERT_EQ(publish(parent, next), Honesty::honest);
      in_flight.push_back(next++);
      if (parent.needs_wake()) Hardware::wake(parent.bell(), 1);
    }
    // Not before the worker has done one: nobody says when its thread first runs.
    if (done > 0 && random() % 4 == 0 && !in_flight.empty()) {
      const auto [honesty, count] = parent.revoke_untaken();
      ASSERT_EQ(honesty, Honesty::honest);
      in_flight.resize(in_flight.size() - count);
      revoked += count;
    }
  }
  parent.command(Command::exit);
  if (parent.needs_wake()) Hardware::wake(parent.bell(), 1);
  runner.join();
  EXPECT_EQ(done + revoked, kTasks);
  EXPECT_GT(done, 0U);
}

TEST(BoardTest, AWorkerSeesWhoCollectsAndTheEpoch) {
  Board<Hardware> board{};
  EXPECT_EQ(board.read().collector, Collector::service);
  board.post(Collector::leader_asleep);
  const auto first = board.read();
  EXPECT_EQ(first.collector, Collector::leader_asleep);
  board.post(Collector::polling);
  EXPECT_EQ(board.read().epoch, first.epoch + 1);
}

}  // namespace
}  // namespace shoal::pool
