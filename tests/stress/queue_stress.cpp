// SPDX-License-Identifier: Apache-2.0
#include "stress/queue_stress.hpp"

#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <shoal/context.hpp>
#include <thread>
#include <utility>

namespace shoal::test {

using namespace std::chrono_literals;

// Of one chunk, of several, and of many.
std::vector<std::uint32_t> QueueStress::body_of(std::uint32_t producer, std::uint32_t number) {
  const std::uint32_t kind = number % 50;
  const std::size_t size = kind == 0 ? 5000 : kind < 10 ? 700 : number % 16;
  std::vector<std::uint32_t> body(size);
  for (std::uint32_t i = 0; i < size; ++i) body[i] = producer * 1'000'003 + number * 31 + i;
  return body;
}

void QueueStress::produce(const Queue<Message>& queue, std::uint32_t self) {
  for (std::uint32_t number = 0;; ++number) queue.put({self, number, body_of(self, number)});
}

void QueueStress::consume(const Queue<Message>& queue, const Queue<Receipt>& receipts,
                          std::uint32_t self) {
  for (;;) {
    const Message message = queue.get();
    const bool is_whole = message.body == body_of(message.producer, message.number);
    receipts.put({self, message.producer, message.number, is_whole});
  }
}

void QueueStress::start_producer(std::size_t at) {
  producers_[at] =
      std::make_shared<Process>(get_context(GetParam()).process(produce, queue_, ++last_party_));
  producers_[at]->start();
}

void QueueStress::start_consumer(std::size_t at) {
  consumers_[at] = std::make_shared<Process>(
      get_context(GetParam()).process(consume, queue_, receipts_, ++last_party_));
  consumers_[at]->start();
}

void QueueStress::note(const Receipt& receipt) {
  ASSERT_TRUE(receipt.is_whole) << "message " << receipt.number << " of " << receipt.producer;
  std::vector<bool>& seen = seen_[receipt.producer];
  if (seen.size() <= receipt.number) seen.resize(receipt.number + 1);
  ASSERT_FALSE(seen[receipt.number]) << "message " << receipt.number << " came twice";
  seen[receipt.number] = true;
  const auto [last, is_first] =
      last_.try_emplace({receipt.consumer, receipt.producer}, receipt.number);
  ASSERT_TRUE(is_first || last->second < receipt.number) << "out of order";
  last->second = receipt.number;
  ++received_;
}

void QueueStress::collect() {
  while (const auto receipt = receipts_.try_get()) {
    note(*receipt);
    if (HasFatalFailure()) return;
  }
}

// Kills one, while another may be stopped.
void QueueStress::disturb() {
  const auto at = [&] { return random_() % kParties; };
  const std::shared_ptr<Process> stopped = random_() % 2 == 0 ? producers_[at()] : consumers_[at()];
  const bool stops = random_() % 4 == 0;
  if (stops) ::kill(stopped->pid(), SIGSTOP);
  // Somebody else goes on meanwhile, however long it takes.
  const std::uint64_t before = received_;
  while (received_ < before + 20 && !HasFatalFailure()) collect();
  std::this_thread::sleep_for(std::chrono::microseconds(random_() % 2000));  // where it is hit
  if (random_() % 2 == 0) {
    const std::size_t victim = at();
    producers_[victim]->kill();
    producers_[victim]->join();
    start_producer(victim);
  } else {
    const std::size_t victim = at();
    consumers_[victim]->kill();
    consumers_[victim]->join();
    ++consumer_deaths_;
    start_consumer(victim);
  }
  if (stops && stopped->is_alive()) ::kill(stopped->pid(), SIGCONT);
}

void QueueStress::check_all(unsigned kills) {
  std::uint64_t lost = 0;
  for (const auto& [producer, seen] : seen_) {
    lost += static_cast<std::uint64_t>(std::count(seen.begin(), seen.end(), false));
  }
  std::printf("%llu messages, %u deaths, %u of them consumers': %llu lost, 0 wrong\n",
              static_cast<unsigned long long>(received_), kills, consumer_deaths_,
              static_cast<unsigned long long>(lost));
  EXPECT_LE(lost, consumer_deaths_);
  EXPECT_EQ(queue_.qsize(), 0U);
  // All of the memory is there: a message that needs every chunk finds it.
  const Message largest{0, 0, std::vector<std::uint32_t>((65536 * 1008 - 64) / 4, 7)};
  queue_.put(largest);
  EXPECT_EQ(queue_.get().body, largest.body);
}

void QueueStress::run(unsigned kills) {
  for (std::size_t i = 0; i < kParties; ++i) {
    start_producer(i);
    start_consumer(i);
  }
  for (unsigned i = 0; i < kills && !HasFatalFailure(); ++i) disturb();
  for (const auto& producer : producers_) {
    producer->kill();
    producer->join();
  }
  // What is still in the queue comes out: the last consumers go when nothing has for a while.
  while (!queue_.empty() && !HasFatalFailure()) collect();
  for (const auto& consumer : consumers_) {
    consumer->kill();
    consumer->join();
    ++consumer_deaths_;
  }
  collect();
  if (!HasFatalFailure()) check_all(kills);
}

}  // namespace shoal::test
