// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "channel/ring.hpp"

namespace shoal::test {

/// A bounded queue so plain that it is right: what another one is held against. Threads of one
/// process only. Source: Michael and Scott's queue with two locks.
class TwoLockQueue {
 public:
  explicit TwoLockQueue(std::size_t limit)
      : limit_(limit), head_(std::make_unique<Node>()), tail_(head_.get()) {}
  ~TwoLockQueue() {
    while (head_) head_ = std::move(head_->next_owned);
  }
  TwoLockQueue(const TwoLockQueue&) = delete;
  TwoLockQueue& operator=(const TwoLockQueue&) = delete;

  channel::Passage put(std::uint64_t value) {
    auto node = std::make_unique<Node>();
    node->value = value;
    const std::lock_guard lock(tail_mutex_);
    if (is_closed_) return channel::Passage::closed;
    if (put_ - got_.load() == limit_) return channel::Passage::no_room;
    Node* const next = node.get();
    tail_->next_owned = std::move(node);
    tail_->next.store(next);
    tail_ = next;
    ++put_;
    return channel::Passage::done;
  }

  channel::Passage get(std::uint64_t& value) {
    const std::lock_guard lock(head_mutex_);
    const bool is_closed = is_closed_;  // before the look: what was put before the end is found
    Node* const next = head_->next.load();
    if (next == nullptr) return is_closed ? channel::Passage::closed : channel::Passage::empty;
    value = next->value;
    head_ = std::move(head_->next_owned);
    ++got_;
    return channel::Passage::done;
  }

  void close() {
    const std::lock_guard lock(tail_mutex_);
    is_closed_ = true;
  }

 private:
  struct Node {
    std::uint64_t value = 0;
    std::unique_ptr<Node> next_owned;
    std::atomic<Node*> next{nullptr};
  };

  const std::size_t limit_;
  std::mutex head_mutex_;  // guards head_
  std::mutex tail_mutex_;  // guards tail_ and put_
  std::unique_ptr<Node> head_;
  Node* tail_;
  std::uint64_t put_ = 0;
  std::atomic<std::uint64_t> got_{0};
  std::atomic<bool> is_closed_{false};
};

}  // namespace shoal::test
