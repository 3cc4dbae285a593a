// SPDX-License-Identifier: Apache-2.0
// A queue's ring beside a plain queue, and what threads and processes did with it, some of which
// were killed over it: there is an order in which one queue can have done all that.

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <new>
#include <random>
#include <thread>
#include <vector>

#include "stress/fifo_checker.hpp"
#include "stress/ring_room.hpp"
#include "stress/two_lock_queue.hpp"

namespace shoal::test {
namespace {

using channel::Passage;
using sync::ParticipantId;

constexpr std::size_t kParties = 4;
constexpr std::size_t kDeeds = 150;

// What each party does, written where its death does not take it along.
struct Log {
  struct Entry {
    Deed deed;
    std::atomic<std::uint64_t> begin;
    std::atomic<std::uint64_t> end;
  };
  std::atomic<std::uint64_t> ticks;
  std::atomic<std::size_t> arrived;
  std::array<std::array<Entry, kDeeds>, kParties + 1> entries;

  std::uint64_t tick() { return ticks.fetch_add(1) + 1; }

  History history() const {
    History history;
    for (const auto& party : entries) {
      history.emplace_back();
      for (const Entry& entry : party) {
        Deed deed = entry.deed;
        deed.begin = entry.begin.load();
        deed.end = entry.end.load();
        if (deed.begin != 0) history.back().push_back(deed);
      }
    }
    return history;
  }
};

// A log in memory that forked children share.
class SharedLog {
 public:
  SharedLog()
      : log_(new (::mmap(nullptr, sizeof(Log), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                         -1, 0)) Log()) {}
  ~SharedLog() { ::munmap(log_, sizeof(Log)); }
  SharedLog(const SharedLog&) = delete;
  SharedLog& operator=(const SharedLog&) = delete;
  Log& operator*() const { return *log_; }

 private:
  Log* const log_;
};

// One party's deeds.
class Actor {
 public:
  Actor(RingRoom& room, Log& log, std::size_t party, unsigned seed)
      : room_(room), log_(log), party_(party), random_(seed) {}

  // Waits until all have come.
  void meet() {
    log_.arrived.fetch_add(1);
    while (log_.arrived.load() < kParties) ::sched_yield();
  }

  void run(bool may_close) {
    for (std::size_t i = 0; i < kDeeds; ++i) {
      const auto drawn = random_() % 1000;
      if (may_close && drawn == 0) {
        close();
      } else if (drawn < 500) {
        put(party_ << 32 | (i + 1));
      } else {
        get();
      }
    }
  }

  void put(std::uint64_t value) {
    const std::uint32_t first = room_.store(value, self());
    ASSERT_LT(first, RingRoom::kChunks);
    Log::Entry& entry = begin(Act::put, value);
    end(entry, room_.put(first, self()));
  }
  Passage get() {
    std::uint32_t first = 0;
    Log::Entry& entry = begin(Act::get, 0);
    const Passage passage = room_.get(self(), first);
    const std::uint64_t at = log_.tick();
    if (passage == Passage::done) entry.deed.value = room_.load(first, self());
    entry.deed.outcome = passage;
    entry.end.store(at);
    return passage;
  }
  void close() {
    Log::Entry& entry = begin(Act::close, 0);
    room_.close();
    end(entry, Passage::done);
  }

 private:
  ParticipantId self() const { return static_cast<ParticipantId>(party_ + 1); }

  Log::Entry& begin(Act act, std::uint64_t value) {
    Log::Entry& entry = log_.entries[party_][done_++];
    entry.deed.act = act;
    entry.deed.value = value;
    entry.begin.store(log_.tick());
    return entry;
  }
  void end(Log::Entry& entry, Passage passage) {
    const std::uint64_t at = log_.tick();
    entry.deed.outcome = passage;
    entry.end.store(at);
  }

  RingRoom& room_;
  Log& log_;
  const std::size_t party_;
  std::size_t done_ = 0;
  std::mt19937 random_;
};

// How many deeds were not alone.
std::size_t count_overlaps(const History& history) {
  std::size_t count = 0;
  for (const auto& party : history) {
    for (const Deed& deed : party) {
      if (deed.end > deed.begin + 1) ++count;  // others' ticks are between its own
    }
  }
  return count;
}

// Nobody uses the ring any more.
void expect_order(RingRoom& room, Log& log) {
  const auto [put, got] = room.count();
  std::uint64_t left = 0;
  Actor last(room, log, kParties, 0);
  while (last.get() == Passage::done) ++left;
  EXPECT_EQ(put - got, left);
  EXPECT_EQ(room.free_chunks(), RingRoom::kChunks);
  EXPECT_TRUE(is_linearizable(log.history(), RingRoom::kLimit));
}

// --- the checker --------------------------------------------------------------------------------

Deed put(std::uint64_t value, std::uint64_t begin, std::uint64_t end,
         Passage outcome = Passage::done) {
  return {Act::put, outcome, value, begin, end};
}
Deed get(std::uint64_t value, std::uint64_t begin, std::uint64_t end,
         Passage outcome = Passage::done) {
  return {Act::get, outcome, value, begin, end};
}

TEST(FifoCheckerTest, AcceptsWhatHasAnOrder) {
  EXPECT_TRUE(is_linearizable({{put(1, 1, 4)}, {put(2, 2, 3), get(2, 5, 6), get(1, 7, 8)}}, 2));
  EXPECT_TRUE(is_linearizable({{put(1, 1, 4)}, {get(0, 2, 3, Passage::empty), get(1, 5, 6)}}, 1));
}

TEST(FifoCheckerTest, RefusesMessagesOutOfTheirOrder) {
  EXPECT_FALSE(is_linearizable({{put(1, 1, 2), put(2, 3, 4)}, {get(2, 5, 6), get(1, 7, 8)}}, 2));
}

TEST(FifoCheckerTest, RefusesWhatIsLostInventedOrDoubled) {
  EXPECT_FALSE(is_linearizable({{put(1, 1, 2)}, {get(0, 3, 4, Passage::empty)}}, 1));
  EXPECT_FALSE(is_linearizable({{put(1, 1, 2)}, {get(2, 3, 4)}}, 1));
  EXPECT_FALSE(is_linearizable({{put(1, 1, 2)}, {get(1, 3, 5)}, {get(1, 4, 6)}}, 1));
}

TEST(FifoCheckerTest, RefusesAGetBeforeItsPut) {
  EXPECT_FALSE(is_linearizable({{get(1, 1, 2)}, {put(1, 3, 4)}}, 1));
}

TEST(FifoCheckerTest, RefusesFalseWordsAboutTheRoom) {
  EXPECT_FALSE(is_linearizable({{put(1, 1, 2), put(2, 3, 4)}}, 1));
  EXPECT_FALSE(is_linearizable({{put(1, 1, 2, Passage::no_room)}}, 1));
}

TEST(FifoCheckerTest, RefusesAPutBehindTheEnd) {
  const Deed end{Act::close, Passage::done, 0, 1, 2};
  EXPECT_FALSE(is_linearizable({{end}, {put(1, 3, 4)}}, 1));
  EXPECT_TRUE(is_linearizable({{end}, {put(1, 3, 4, Passage::closed)}}, 1));
}

TEST(FifoCheckerTest, TheDeadMayHaveDoneTheirLastDeed) {
  EXPECT_TRUE(is_linearizable({{put(1, 1, 0)}, {get(1, 2, 3)}}, 1));
  EXPECT_TRUE(is_linearizable({{put(1, 1, 0)}, {get(0, 2, 3, Passage::empty)}}, 1));
  EXPECT_TRUE(is_linearizable({{put(1, 1, 2)}, {get(0, 3, 0)}, {get(0, 4, 5, Passage::empty)}}, 1));
  EXPECT_FALSE(is_linearizable(
      {{put(1, 1, 2), put(2, 3, 4)}, {get(0, 5, 0)}, {get(0, 6, 7, Passage::empty)}}, 2));
}

// --- the ring -----------------------------------------------------------------------------------

TEST(RingStress, DoesWhatAPlainQueueDoes) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    RingRoom room;
    TwoLockQueue plain(RingRoom::kLimit);
    std::mt19937 random(seed);
    for (std::uint64_t i = 0; i < 2000; ++i) {
      const auto drawn = random() % 4000;
      if (drawn == 0) {
        room.close();
        plain.close();
      } else if (drawn < 2000) {
        ASSERT_EQ(room.put(room.store(i, 1), 1), plain.put(i)) << seed << ' ' << i;
      } else {
        std::uint32_t first = 0;
        std::uint64_t value = 0;
        const Passage passage = room.get(1, first);
        ASSERT_EQ(passage, plain.get(value)) << seed << ' ' << i;
        if (passage != Passage::done) continue;
        ASSERT_EQ(room.load(first, 1), value) << seed << ' ' << i;
      }
    }
  }
}

TEST(RingStress, WhatThreadsDidHasAnOrder) {
  std::size_t overlaps = 0;
  for (unsigned round = 0; round < 500 && !testing::Test::HasFailure(); ++round) {
    RingRoom room;
    SharedLog log;
    {
      std::vector<std::jthread> threads;
      for (std::size_t party = 0; party < kParties; ++party) {
        threads.emplace_back([&, party] {
          Actor actor(room, *log, party, round * 31 + static_cast<unsigned>(party));
          actor.meet();
          actor.run(party == 0);
        });
      }
    }
    expect_order(room, *log);
    overlaps += count_overlaps((*log).history());
  }
  std::printf("%zu deeds overlap\n", overlaps);
}

// Sends this process a signal that it cannot catch, wherever it is then.
void signal_in(std::chrono::nanoseconds delay, int signal) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = signal;
  timer_t timer{};
  ASSERT_EQ(::timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  const itimerspec once{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_nsec = delay.count()}};
  ASSERT_EQ(::timer_settime(timer, 0, &once, nullptr), 0);
}

// Forked children use a ring; one may be stopped on its way, another may be killed.
class Children {
 public:
  Children(RingRoom& room, Log& log, unsigned seed) : room_(room) {
    std::mt19937 random(seed);
    for (std::size_t party = 0; party < kParties; ++party) {
      const auto own_seed = static_cast<unsigned>(random());
      const std::chrono::nanoseconds delay(1 + random() % 60'000);
      pids_[party] = ::fork();
      if (pids_[party] != 0) continue;
      Actor actor(room, log, party, own_seed);
      actor.meet();
      if (party == kStopped) signal_in(delay, SIGSTOP);
      if (party == kKilled) signal_in(delay, SIGKILL);
      actor.run(party == kKilled);
      ::_exit(0);
    }
  }

  // Recovers who was killed while others go on. Who is stopped goes on when all others have ended.
  void join() {
    for (std::size_t party = kParties; party-- > 0;) {
      int status = wait_for(party);
      if (WIFSTOPPED(status)) {
        ++stopped;
        EXPECT_EQ(::kill(pids_[party], SIGCONT), 0);
        status = wait_for(party);
      }
      if (!WIFSIGNALED(status)) continue;
      ++killed;
      room_.recover(static_cast<ParticipantId>(party + 1));
    }
  }

  unsigned stopped = 0;
  unsigned killed = 0;

 private:
  static constexpr std::size_t kStopped = 0;
  static constexpr std::size_t kKilled = kParties - 1;

  int wait_for(std::size_t party) {
    int status = 0;
    EXPECT_EQ(::waitpid(pids_[party], &status, WUNTRACED), pids_[party]);
    return status;
  }

  RingRoom& room_;
  std::array<pid_t, kParties> pids_{};
};

TEST(RingStress, WhatProcessesDidHasAnOrderThoughSomeWereKilledAndSomeStopped) {
  unsigned killed = 0;
  unsigned stopped = 0;
  std::size_t overlaps = 0;
  for (unsigned round = 0; round < 500 && !testing::Test::HasFailure(); ++round) {
    RingRoom room;
    SharedLog log;
    Children children(room, *log, round);
    children.join();
    killed += children.killed;
    stopped += children.stopped;
    expect_order(room, *log);
    overlaps += count_overlaps((*log).history());
  }
  std::printf("%u were killed, %u stopped, %zu deeds overlap\n", killed, stopped, overlaps);
  EXPECT_GT(killed, 0U);
}

}  // namespace
}  // namespace shoal::test
