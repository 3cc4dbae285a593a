// SPDX-License-Identifier: Apache-2.0
// What queues promise, between threads and between processes of every start method.

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <set>
#include <shoal/connection.hpp>
#include <shoal/error.hpp>
#include <shoal/process_pool_executor.hpp>
#include <shoal/queue.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "conformance/parties.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

class QueueSuite : public PartySuite {};

TEST_P(QueueSuite, IsFilledUpToItsBound_32) {
  const Queue<int> queue(6);
  const Queue<int> answers;
  Party child = start(
      [](const Queue<int>& full, const Queue<int>& back) {
        for (int i = 0; i < 6; ++i) back.put(full.get());
      },
      queue, answers);
  queue.put(0);
  EXPECT_TRUE(queue.try_put(1));
  EXPECT_TRUE(queue.put_for(2, 1h));
  for (int i = 3; i < 6; ++i) queue.put(i);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(answers.get(), i);
  EXPECT_TRUE(child.join());
  EXPECT_TRUE(queue.empty());
  for (int i = 0; i < 6; ++i) queue.put(i);
  EXPECT_FALSE(queue.empty());
  EXPECT_TRUE(queue.full());
}

TEST_P(QueueSuite, PutOnAFullOneWaitsAsLongAsAsked_33) {
  const Queue<int> queue(1);
  queue.put(1);
  EXPECT_FALSE(queue.try_put(2));
  EXPECT_FALSE(queue.put_for(2, -1s));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(queue.put_for(2, 150ms));
  EXPECT_GE(std::chrono::steady_clock::now() - before, 150ms);
  Party child = start([](const Queue<int>& full) { full.get(); }, queue);
  queue.put(3);
  EXPECT_EQ(queue.get(), 3);
  EXPECT_TRUE(child.join());
}

TEST_P(QueueSuite, GivesInTheOrderOfPutting_34) {
  const Queue<std::string> queue;
  Party child = start(
      [](const Queue<std::string>& out) {
        for (int i = 0; i < 5000; ++i) out.put("value " + std::to_string(i));
      },
      queue);
  for (int i = 0; i < 5000; ++i) ASSERT_EQ(queue.get(), "value " + std::to_string(i));
  EXPECT_TRUE(child.join());
  EXPECT_EQ(queue.try_get(), std::nullopt);
  EXPECT_TRUE(queue.empty());
}

TEST_P(QueueSuite, GetOfAnEmptyOneWaitsAsLongAsAsked_35) {
  const Queue<int> queue;
  EXPECT_EQ(queue.try_get(), std::nullopt);
  EXPECT_EQ(queue.get_for(0s), std::nullopt);
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(queue.get_for(150ms), std::nullopt);
  EXPECT_GE(std::chrono::steady_clock::now() - before, 150ms);
  Party child = start([](const Queue<int>& late) { late.put(7); }, queue);
  EXPECT_EQ(queue.get(), 7);
  EXPECT_TRUE(child.join());
}

TEST_P(QueueSuite, WhatWasPutBeforeTheStartArrives_36) {
  const Queue<int> queue;
  for (int i = 0; i < 10; ++i) queue.put(i);
  Party child = start(
      [](const Queue<int>& more) {
        for (int i = 10; i < 20; ++i) more.put(i);
      },
      queue);
  EXPECT_TRUE(child.join());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(queue.get(), i);
  EXPECT_EQ(queue.try_get(), std::nullopt);
}

TEST_P(QueueSuite, KnowsItsSize_37) {
  const Queue<int> queue;
  EXPECT_EQ(queue.qsize(), 0U);
  queue.put(1);
  EXPECT_EQ(queue.qsize(), 1U);
  Party child = start([](const Queue<int>& other) { other.put(5); }, queue);
  EXPECT_TRUE(child.join());
  EXPECT_EQ(queue.qsize(), 2U);
  queue.get();
  EXPECT_EQ(queue.qsize(), 1U);
  queue.get();
  EXPECT_EQ(queue.qsize(), 0U);
}

TEST_P(QueueSuite, JoinReturnsOnceAllIsDone_38) {
  const JoinableQueue<int> queue;
  std::vector<Party> workers;
  for (int i = 0; i < 4; ++i) {
    workers.push_back(start(
        [](const JoinableQueue<int>& tasks) {
          for (;;) {
            const int task = tasks.get();
            tasks.task_done();
            if (task < 0) return;
          }
        },
        queue));
  }
  for (int i = 0; i < 200; ++i) queue.put(i);
  queue.join();
  EXPECT_TRUE(queue.empty());
  for (int i = 0; i < 4; ++i) queue.put(-1);
  EXPECT_TRUE(queue.join_for(1h));
  for (Party& worker : workers) EXPECT_TRUE(worker.join());
  EXPECT_THROW(queue.task_done(), std::logic_error);
}

TEST_P(QueueSuite, JoinWaitsForWhatIsNotDone) {
  const JoinableQueue<int> queue;
  queue.put(1);
  EXPECT_FALSE(queue.join_for(0s));
  queue.get();
  EXPECT_FALSE(queue.join_for(50ms));
  queue.task_done();
  EXPECT_TRUE(queue.join_for(0s));
}

TEST_P(QueueSuite, EndsByClose_42) {
  const Queue<int> queue;
  const Queue<std::string> verdicts;
  Party child = start(
      [](const Queue<int>& work, const Queue<std::string>& out) {
        int sum = 0;
        try {
          for (;;) sum += work.get();
        } catch (const ClosedError&) {
          out.put("closed after " + std::to_string(sum));
        }
        try {
          work.put(1);
          out.put("put");
        } catch (const ClosedError&) {
          out.put("refused");
        }
      },
      queue, verdicts);
  for (int i = 1; i <= 10; ++i) queue.put(i);
  queue.close();
  queue.close();
  EXPECT_TRUE(queue.closed());
  EXPECT_THROW(queue.put(1), ClosedError);
  EXPECT_EQ(verdicts.get(), "closed after 55");
  EXPECT_EQ(verdicts.get(), "refused");
  EXPECT_THROW(queue.get(), ClosedError);
  EXPECT_THROW(queue.try_get(), ClosedError);
  EXPECT_TRUE(child.join());
}

TEST_P(QueueSuite, CloseWakesWhoWaits) {
  const Queue<int> empty;
  const Queue<int> full(1);
  full.put(1);
  const Queue<int> verdicts;
  std::vector<Party> waiting;
  for (int i = 0; i < 2; ++i) {
    waiting.push_back(start(
        [](const Queue<int>& from, const Queue<int>& out) {
          out.put(0);
          EXPECT_THROW(from.get(), ClosedError);
          out.put(1);
        },
        empty, verdicts));
    waiting.push_back(start(
        [](const Queue<int>& to, const Queue<int>& out) {
          out.put(0);
          EXPECT_THROW(to.put(2), ClosedError);
          out.put(1);
        },
        full, verdicts));
  }
  for (int i = 0; i < 4; ++i) EXPECT_EQ(verdicts.get(), 0);
  empty.close();
  full.close();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(verdicts.get(), 1);
  for (Party& each : waiting) EXPECT_TRUE(each.join());
}

TEST_P(QueueSuite, SimpleOnesPutGetAndClose_43) {
  const SimpleQueue<std::string> queue;
  const SimpleQueue<bool> back;
  EXPECT_TRUE(queue.empty());
  Party child = start(
      [](const SimpleQueue<std::string>& in, const SimpleQueue<bool>& out) {
        out.put(in.get() == "hello");
        out.put(in.empty());
      },
      queue, back);
  queue.put("hello");
  EXPECT_TRUE(back.get());
  EXPECT_TRUE(back.get());
  EXPECT_TRUE(child.join());
  queue.close();
  queue.close();
  EXPECT_THROW(queue.put("more"), ClosedError);
}

TEST_P(QueueSuite, JoiningBeforeDrainingWorks_44) {
  const Queue<std::vector<int>> queue;
  Party child = start(
      [](const Queue<std::vector<int>>& out) {
        for (int i = 0; i < 30'000; ++i) out.put(std::vector<int>(100, i));
      },
      queue);
  EXPECT_TRUE(child.join());
  for (int i = 0; i < 30'000; ++i) ASSERT_EQ(queue.get(), std::vector<int>(100, i));
}

TEST_P(QueueSuite, CarriesValuesOfAnySizeUpToItsMemory) {
  const Queue<std::vector<char>> queue;
  const Queue<std::vector<char>> back;
  Party child = start(
      [](const Queue<std::vector<char>>& in, const Queue<std::vector<char>>& out) {
        for (int i = 0; i < 9; ++i) out.put(in.get());
      },
      queue, back);
  for (const std::size_t size :
       {0UL, 1UL, 999UL, 1000UL, 1001UL, 2016UL, 100'000UL, 5UL << 20, 40UL << 20}) {
    std::vector<char> value(size);
    for (std::size_t i = 0; i < size; i += 509) value[i] = static_cast<char>(i % 251);
    queue.put(value);
    ASSERT_TRUE(back.get() == value) << size;
  }
  EXPECT_TRUE(child.join());
  EXPECT_THROW(queue.put(std::vector<char>(70UL << 20)), ResourceError);
  EXPECT_TRUE(queue.empty());
}

TEST_P(QueueSuite, ManyProducersAndConsumersLoseAndDoubleNothing) {
  const Queue<int> queue(100);
  const Queue<std::vector<int>> results;
  constexpr int kEach = 3000;
  std::vector<Party> parties;
  for (int p = 0; p < 3; ++p) {
    parties.push_back(start(
        [](const Queue<int>& out, int from) {
          for (int i = 0; i < kEach; ++i) out.put(from + i);
        },
        queue, p * kEach));
  }
  for (int c = 0; c < 3; ++c) {
    parties.push_back(start(
        [](const Queue<int>& in, const Queue<std::vector<int>>& out) {
          std::vector<int> got;
          try {
            for (;;) got.push_back(in.get());
          } catch (const ClosedError&) {
            out.put(got);
          }
        },
        queue, results));
  }
  for (int p = 0; p < 3; ++p) EXPECT_TRUE(parties[static_cast<std::size_t>(p)].join());
  queue.close();
  std::set<int> all;
  for (int c = 0; c < 3; ++c) {
    std::map<int, int> last;
    for (const int value : results.get()) {
      EXPECT_TRUE(all.insert(value).second) << value << " came twice";
      const auto [at, is_first] = last.emplace(value / kEach, value);
      EXPECT_TRUE(is_first || at->second < value) << "out of order";
      at->second = value;
    }
  }
  EXPECT_EQ(all.size(), 3U * kEach);
  for (std::size_t c = 3; c < 6; ++c) EXPECT_TRUE(parties[c].join());
}

TEST_P(QueueSuite, CarriesHandlesAndDescriptors) {
  const Queue<Queue<int>> queues;
  const Queue<Connection> ends;
  Party child = start(
      [](const Queue<Queue<int>>& in, const Queue<Connection>& out) {
        const Queue<int> answer = in.get();
        auto [ours, theirs] = pipe();
        out.put(theirs);
        theirs.close();
        answer.put(ours.recv<int>() + 1);
      },
      queues, ends);
  {
    const Queue<int> answer;
    queues.put(answer);
    const Connection end = ends.get();
    end.send(41);
    EXPECT_EQ(answer.get(), 42);
  }
  EXPECT_TRUE(child.join());
}

struct Order {
  std::string what;
  Queue<std::string> reply;
};

TEST_P(QueueSuite, IsAMemberOfWhatItCarries) {
  const Queue<Order> orders;
  Party child = start(
      [](const Queue<Order>& in) {
        for (int i = 0; i < 3; ++i) {
          const Order order = in.get();
          order.reply.put(order.what + " done");
        }
      },
      orders);
  for (int i = 0; i < 3; ++i) {
    const Order order{"job " + std::to_string(i), Queue<std::string>()};
    orders.put(order);
    EXPECT_EQ(order.reply.get(), order.what + " done");
  }
  EXPECT_TRUE(child.join());
}

TEST_P(QueueSuite, AHandleThatComesBackIsTheSameQueue) {
  const Queue<Queue<int>> there;
  const Queue<Queue<int>> back;
  const Queue<int> queue;
  Party child =
      start([](const Queue<Queue<int>>& in, const Queue<Queue<int>>& out) { out.put(in.get()); },
            there, back);
  there.put(queue);
  const Queue<int> returned = back.get();
  EXPECT_TRUE(child.join());
  returned.put(3);
  EXPECT_EQ(queue.get(), 3);
}

SHOAL_FOR_EACH_HOME(QueueSuite);

// --- with processes that die --------------------------------------------------------------------

class QueueDeathSuite : public ProcessPartySuite {};

void take_and_stay(const JoinableQueue<int>& queue, const Queue<int>& ready) {
  queue.get();
  queue.get();
  queue.task_done();
  ready.put(1);
  for (;;) ::pause();
}

TEST_P(QueueDeathSuite, WhatADeadConsumerGotCountsAsDone) {
  const JoinableQueue<int> queue;
  const Queue<int> ready;
  for (int i = 0; i < 3; ++i) queue.put(i);
  Party child = start(take_and_stay, queue, ready);
  EXPECT_EQ(ready.get(), 1);
  EXPECT_FALSE(queue.join_for(0s));
  child.process().kill();
  EXPECT_FALSE(child.join());
  EXPECT_EQ(queue.get(), 2);
  queue.task_done();
  queue.join();
}

void wait_for_one(const Queue<int>& queue, const Queue<int>& ready) {
  ready.put(1);
  queue.get();
}

TEST_P(QueueDeathSuite, AWaiterThatDiesTakesNoWakeAlong) {
  const Queue<int> queue;
  const Queue<int> ready;
  for (int round = 0; round < 5; ++round) {
    Party doomed = start(wait_for_one, queue, ready);
    Party other = start(wait_for_one, queue, ready);
    ready.get();
    ready.get();
    doomed.process().kill();
    EXPECT_FALSE(doomed.join());
    queue.put(1);
    EXPECT_TRUE(other.join());
  }
}

void make_queue(const Queue<Queue<int>>& out, const Queue<int>& wait) {
  const Queue<int> mine;
  for (int i = 0; i < 3; ++i) mine.put(i);
  out.put(mine);
  wait.get();
}

TEST_P(QueueDeathSuite, OneWhoseMakerDiedIsDrainedThenClosed) {
  const Queue<Queue<int>> from;
  const Queue<int> never;
  Party maker = start(make_queue, from, never);
  const Queue<int> orphan = from.get();
  maker.process().kill();
  EXPECT_FALSE(maker.join());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(orphan.get(), i);
  EXPECT_THROW(orphan.get(), ClosedError);
  EXPECT_THROW(orphan.put(1), ClosedError);
}

TEST_P(QueueDeathSuite, ServesTasksOfAPool) {
  const Queue<int> queue;
  ProcessPoolExecutor pool({.max_workers = 2, .context = get_context(GetParam().method())});
  std::vector<Future<int>> futures;
  for (int i = 0; i < 50; ++i) {
    futures.push_back(pool.submit(
        [](const Queue<int>& out, int value) {
          out.put(value);
          return value;
        },
        queue, i));
  }
  std::multiset<int> got;
  for (int i = 0; i < 50; ++i) got.insert(queue.get());
  for (int i = 0; i < 50; ++i) EXPECT_EQ(got.count(i), 1U);
  const Future<Queue<int>> made = pool.submit([] {
    Queue<int> fresh;
    fresh.put(9);
    return fresh;
  });
  const Queue<int> fresh = Future<Queue<int>>(made).get();
  EXPECT_EQ(fresh.get(), 9);
}

SHOAL_FOR_EACH_PROCESS_HOME(QueueDeathSuite);

// --- what needs no second process ---------------------------------------------------------------

TEST(QueueTest, AnAbsurdBoundIsRefused) {
  EXPECT_THROW(Queue<int>(1U << 20), std::invalid_argument);
  EXPECT_EQ(Queue<int>(1).maxsize(), 1U);
  EXPECT_EQ(Queue<int>().maxsize(), 32768U);
}

TEST(QueueTest, OfAnotherTypeIsRefused) {
  const Queue<int> queue;
  Writer writer;
  writer.put(queue);
  Reader as_other(writer.bytes(), writer.descriptors());
  EXPECT_THROW(as_other.get<Queue<unsigned>>(), CodecError);
  Reader as_joinable(writer.bytes(), writer.descriptors());
  EXPECT_THROW(as_joinable.get<JoinableQueue<int>>(), CodecError);
  Reader as_itself(writer.bytes(), writer.descriptors());
  as_itself.get<Queue<int>>().put(1);
  EXPECT_EQ(queue.get(), 1);
}

}  // namespace
}  // namespace shoal::test
