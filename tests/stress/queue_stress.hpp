// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <shoal/process.hpp>
#include <shoal/queue.hpp>
#include <string>
#include <vector>

#include "conformance/start_methods.hpp"

namespace shoal::test {

/// Kills, stops and continues the producers and consumers of one queue at random, and holds every
/// message to its promise: in it whole, once, in its producer's order, or lost with the consumer
/// that had got it.
class QueueStress : public testing::TestWithParam<StartMethod> {
 protected:
  void run(unsigned kills);

 private:
  struct Message {
    std::uint32_t producer;
    std::uint32_t number;
    std::vector<std::uint32_t> body;
  };
  struct Receipt {
    std::uint32_t consumer;
    std::uint32_t producer;
    std::uint32_t number;
    bool is_whole;
  };

  static std::vector<std::uint32_t> body_of(std::uint32_t producer, std::uint32_t number);
  static void produce(const Queue<Message>& queue, std::uint32_t self);
  static void consume(const Queue<Message>& queue, const Queue<Receipt>& receipts,
                      std::uint32_t self);

  void start_producer(std::size_t at);
  void start_consumer(std::size_t at);
  void disturb();
  void collect();
  void note(const Receipt& receipt);
  void check_all(unsigned kills);

  static constexpr std::size_t kParties = 2;

  std::mt19937 random_{4711};
  Queue<Message> queue_{64};
  Queue<Receipt> receipts_;
  std::vector<std::shared_ptr<Process>> producers_{kParties};
  std::vector<std::shared_ptr<Process>> consumers_{kParties};
  std::uint32_t last_party_ = 0;
  unsigned consumer_deaths_ = 0;
  std::uint64_t received_ = 0;
  std::map<std::uint32_t, std::vector<bool>> seen_;                        // by producer
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> last_;  // by consumer, producer
};

}  // namespace shoal::test
