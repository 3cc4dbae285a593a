// SPDX-License-Identifier: Apache-2.0
// S5, S6: Boost.Interprocess.
#include <unistd.h>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <memory>
#include <string>

#include "host.hpp"
#include "queues.hpp"

namespace bench {
namespace {

namespace bip = boost::interprocess;

// A message_queue that has no name any more once both processes have it.
class BoostQueue {
 public:
  explicit BoostQueue(const std::string& name)
      : name_("shoal-bench." + std::to_string(getpid()) + name),
        queue_(bip::create_only, name_.c_str(), kQueueBound, sizeof(Message)) {
    bip::message_queue::remove(name_.c_str());  // a child of fork() has it mapped
  }

  void put(const Message& message) { queue_.send(&message, sizeof message, 0); }

  Message get() {
    Message message;
    std::size_t size = 0;
    unsigned priority = 0;
    queue_.receive(&message, sizeof message, size, priority);
    if (size != sizeof message) throw std::runtime_error("a message of another size");
    return message;
  }

 private:
  const std::string name_;
  bip::message_queue queue_;
};

class BoostReceiver {
 public:
  explicit BoostReceiver(std::uint64_t step) : step_(step), child_([this] { answer(); }) {
    pin_to(two_cpus().first);
  }

  void run() {
    Message message{};
    for (std::uint64_t i = 0; i < step_; ++i) {
      message.front() = ++sent_;
      there_.put(message);
    }
    expect_number(back_.get(), sent_);
  }

 private:
  [[noreturn]] void answer() {
    pin_to(two_cpus().second);
    for (std::uint64_t number = 1;; ++number) {
      const Message message = there_.get();
      expect_number(message, number);
      if (number % step_ == 0) back_.put(message);
    }
  }

  const std::uint64_t step_;
  BoostQueue there_{".there"};
  BoostQueue back_{".back"};
  RawChild child_;  // is killed in the end
  std::uint64_t sent_ = 0;
};

}  // namespace

Figures measure_boost_throughput(const Scale& scale) {
  BoostReceiver receiver(kQueueBurst);
  return {messages_per_us(scale, [&] { receiver.run(); })};
}

Figures measure_boost_round_trip(const Scale& scale) {
  BoostReceiver receiver(1);
  return {queue_round_trip_us(scale, [&] { receiver.run(); })};
}

}  // namespace bench
