// SPDX-License-Identifier: Apache-2.0
// What shared heaps promise, between threads and between processes of every start method.

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/interprocess/containers/map.hpp>
#include <chrono>
#include <functional>
#include <mutex>
#include <shoal/error.hpp>
#include <shoal/event.hpp>
#include <shoal/lock.hpp>
#include <shoal/queue.hpp>
#include <shoal/shared_heap.hpp>
#include <stdexcept>
#include <string>
#include <utility>

#include "conformance/parties.hpp"
#include "support/forked_copy.hpp"
#include "support/leak_guard.hpp"
#include "sync/hardware.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

using Segment = SharedHeap::Segment;
using Counts = boost::interprocess::map<int, int, std::less<int>,
                                        SharedHeap::Allocator<std::pair<const int, int>>>;

constexpr std::size_t kBytes = std::size_t{1} << 20;

Counts& counts_in(Segment& segment) {
  return *segment.find_or_construct<Counts>("counts")(std::less<int>(),
                                                      segment.get_segment_manager());
}

void count(const SharedHeap& heap, int key) {
  heap.with([&](Segment& segment) { ++counts_in(segment)[key]; });
}
int count_of(const SharedHeap& heap, int key) {
  return heap.with([&](Segment& segment) { return counts_in(segment)[key]; });
}

// --- in one process -----------------------------------------------------------------------------

TEST(SharedHeapTest, WhatIsMadeByNameIsFoundByName) {
  const SharedHeap heap(kBytes);
  heap.with([](Segment& segment) { segment.construct<int>("answer")(42); });
  EXPECT_EQ(heap.with([](Segment& segment) { return *segment.find<int>("answer").first; }), 42);
  EXPECT_TRUE(heap.with([](Segment& segment) { return segment.destroy<int>("answer"); }));
  EXPECT_EQ(heap.with([](Segment& segment) { return segment.find<int>("answer").first; }), nullptr);
  EXPECT_EQ(heap.size(), kBytes);
}

TEST(SharedHeapTest, IsOpenForWhoHoldsItsLock) {
  const SharedHeap heap(kBytes);
  SharedHeap copy = heap;
  {
    const std::scoped_lock guard(copy);
    EXPECT_FALSE(heap.try_lock());
    EXPECT_FALSE(heap.try_lock_for(5ms));
    Segment segment = copy.segment();
    segment.construct<double>("half")(0.5);
  }
  EXPECT_EQ(heap.with([](Segment& segment) { return *segment.find<double>("half").first; }), 0.5);
}

TEST(SharedHeapTest, ASizeThatCannotBeIsRefused) {
  const SharedHeap first(4096);  // the hub stays
  const LeakGuard guard;
  EXPECT_THROW(SharedHeap(0), std::invalid_argument);
  EXPECT_THROW(SharedHeap(4095), std::invalid_argument);
  EXPECT_THROW(SharedHeap(std::size_t{1} << 50), ResourceError);
  EXPECT_THROW(SharedHeap(~std::size_t{0}), ResourceError);
}

TEST(SharedHeapTest, OneThatIsFullSaysSoAndGoesOn) {
  const SharedHeap heap(4096);
  EXPECT_THROW(heap.with([](Segment& segment) { segment.construct<char>("much")[10'000]('x'); }),
               ResourceError);
  heap.with([](Segment& segment) { segment.construct<char>("little")[100]('x'); });
  EXPECT_FALSE(heap.reset());
}

TEST(SharedHeapTest, AnExceptionPassesAndFreesIt) {
  const SharedHeap heap(kBytes);
  EXPECT_THROW(heap.with([](Segment&) { throw std::logic_error("mine"); }), std::logic_error);
  EXPECT_TRUE(heap.try_lock());
  heap.unlock();
  EXPECT_THROW(heap.unlock(), Error);
}

TEST(SharedHeapTest, ACopyByForkIsRefused) {
  const SharedHeap heap(kBytes);
  EXPECT_TRUE(is_closed_in_forked_copy([&] { heap.with([](Segment&) {}); }));
}

TEST(SharedHeapTest, AHandleOfSomethingElseIsRefused) {
  Writer writer;
  writer.put(Lock());
  Reader reader(writer.bytes(), writer.descriptors());
  EXPECT_THROW(reader.get<SharedHeap>(), CodecError);
}

// --- in several processes -----------------------------------------------------------------------

class SharedHeapSuite : public PartySuite {};

TEST_P(SharedHeapSuite, IsTheSameForAll) {
  const SharedHeap heap(kBytes);
  const auto work = [](const SharedHeap& same) {
    for (int i = 0; i < 1'000; ++i) count(same, i % 10);
  };
  Party first = start(work, heap);
  Party second = start(work, heap);
  work(heap);
  EXPECT_TRUE(first.join());
  EXPECT_TRUE(second.join());
  for (int key = 0; key < 10; ++key) EXPECT_EQ(count_of(heap, key), 300);
}

TEST_P(SharedHeapSuite, ComesBackThroughAQueue) {
  const Queue<SharedHeap> queue;
  const SharedHeap heap(kBytes);
  Party other = start(
      [](const SharedHeap& same, const Queue<SharedHeap>& out) {
        count(same, 5);
        out.put(same);
      },
      heap, queue);
  EXPECT_EQ(count_of(queue.get(), 5), 1);
  EXPECT_TRUE(other.join());
}

// --- deaths -------------------------------------------------------------------------------------

class SharedHeapDeathSuite : public ProcessPartySuite {};

// Stays inside, amid a change.
void stay_inside(const SharedHeap& heap, const Event& is_inside) {
  heap.with([&](Segment& segment) {
    counts_in(segment)[1] = 1;
    is_inside.set();
    for (;;) ::pause();
  });
}

std::string message_of(const SharedHeap& heap) {
  try {
    count(heap, 1);
  } catch (const OwnerDiedError& error) {
    return error.what();
  }
  return {};
}

TEST_P(SharedHeapDeathSuite, WhoseHolderIsKilledIsLostUntilItIsReset) {
  const SharedHeap heap(kBytes);
  const Event is_inside;
  count(heap, 1);
  Party holder = start(stay_inside, heap, is_inside);
  is_inside.wait();
  EXPECT_FALSE(heap.try_lock());
  holder.process().kill();
  holder.process().join();
  for (int i = 0; i < 3; ++i) {
    EXPECT_NE(message_of(heap).find("the heap is lost; call reset()"), std::string::npos);
  }
  EXPECT_TRUE(heap.reset());
  EXPECT_FALSE(heap.reset());
  EXPECT_EQ(count_of(heap, 1), 0) << "it is empty";
  count(heap, 1);
  EXPECT_EQ(count_of(heap, 1), 1);
}

TEST_P(SharedHeapDeathSuite, OneThatWaitsForALostHeapIsTold) {
  const SharedHeap heap(kBytes);
  const Event is_inside;
  Party holder = start(stay_inside, heap, is_inside);
  is_inside.wait();
  const Queue<bool> answers;
  Party waiting = start(
      [](const SharedHeap& same, const Queue<bool>& out) {
        out.put(true);
        out.put(message_of(same).find("is lost") != std::string::npos);
      },
      heap, answers);
  EXPECT_TRUE(answers.get());
  holder.process().kill();
  EXPECT_TRUE(answers.get());
  EXPECT_TRUE(waiting.join());
  EXPECT_TRUE(heap.reset());
}

// Entries are made in pairs: a heap that is not lost holds whole pairs only.
void make_pairs(const SharedHeap& heap, const Event& has_begun) {
  for (int i = 0;; i = (i + 1) % 100) {
    heap.with([&](Segment& segment) {
      Counts& counts = counts_in(segment);
      if (counts.erase(i) == 0) counts[i] = 1;
      if (counts.erase(-1 - i) == 0) counts[-1 - i] = 1;
    });
    if (i == 50) has_begun.set();
  }
}

TEST_P(SharedHeapDeathSuite, KilledAnywhereItsUserLeavesItWholeOrLost) {
  const SharedHeap heap(kBytes);
  int lost = 0;
  for (int round = 0; round < 12; ++round) {
    const Event has_begun;
    Party user = start(make_pairs, heap, has_begun);
    has_begun.wait();
    for (int i = 0; i < 997 * round; ++i) sync::Hardware::relax();
    user.process().kill();
    user.process().join();
    if (!message_of(heap).empty()) {
      ++lost;
      EXPECT_TRUE(heap.reset());
      continue;
    }
    heap.with([](Segment& segment) {
      EXPECT_TRUE(segment.check_sanity());
      Counts& counts = counts_in(segment);
      counts.erase(1);
      counts.erase(-2);
      for (const auto& [key, value] : counts) EXPECT_EQ(counts.count(-1 - key), value) << key;
      counts.clear();
    });
  }
  RecordProperty("lost", lost);
}

SHOAL_FOR_EACH_HOME(SharedHeapSuite);
SHOAL_FOR_EACH_PROCESS_HOME(SharedHeapDeathSuite);

}  // namespace
}  // namespace shoal::test
