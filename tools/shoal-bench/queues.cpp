// SPDX-License-Identifier: Apache-2.0
// S5, S6: shoal.
#include "queues.hpp"

#include <shoal/shoal.hpp>

#include "host.hpp"
#include "timing.hpp"

namespace bench {
namespace {

using MessageQueue = shoal::Queue<Message>;

// Sends every `step`th message back, until the queue is closed.
void answer(const MessageQueue& there, const MessageQueue& back, std::uint64_t step, int cpu) try {
  pin_to(cpu);
  for (std::uint64_t number = 1;; ++number) {
    const Message message = there.get();
    expect_number(message, number);
    if (number % step == 0) back.put(message);
  }
} catch (const shoal::ClosedError&) {
}

// A process that gets what this one puts.
class Receiver {
 public:
  explicit Receiver(std::uint64_t step)
      : step_(step), process_(answer, there_, back_, step, two_cpus().second) {
    process_.start();
    pin_to(two_cpus().first);
  }
  ~Receiver() {
    there_.close();
    process_.join();
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  /// Puts `step` messages and waits until the last one has come back.
  void run() {
    Message message{};
    for (std::uint64_t i = 0; i < step_; ++i) {
      message.front() = ++sent_;
      there_.put(message);
    }
    expect_number(back_.get(), sent_);
  }

 private:
  const std::uint64_t step_;
  const MessageQueue there_{kQueueBound};
  const MessageQueue back_{kQueueBound};
  shoal::Process process_;
  std::uint64_t sent_ = 0;
};

}  // namespace

Figures measure_queue_throughput(const Scale& scale) {
  Receiver receiver(kQueueBurst);
  return {messages_per_us(scale, [&] { receiver.run(); })};
}

Figures measure_queue_round_trip(const Scale& scale) {
  Receiver receiver(1);
  return {queue_round_trip_us(scale, [&] { receiver.run(); })};
}

}  // namespace bench
