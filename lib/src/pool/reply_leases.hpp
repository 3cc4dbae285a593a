// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <utility>

#include "memory/mapping.hpp"
#include "os/fork_generation.hpp"
#include "pool/worker_memory.hpp"

namespace shoal::pool {

/// Gives the blocks of a worker's large results back to it, by the release ring in D, for as long
/// as the worker's memory is there. Thread-safe: results are dropped by whoever held them last.
class ReplyLeases {
 public:
  explicit ReplyLeases(SharedSubmissions& submissions) noexcept : submissions_(&submissions) {}

  /// The worker is gone.
  void close() noexcept {
    const std::lock_guard guard(mutex_);
    submissions_ = nullptr;
  }

  // A worker that lies about its blocks gets back what it said: it alone is deceived. A forked copy
  // of this process has no part in it.
  void release(std::uint16_t number) noexcept {
    if (generation_ != os::fork_generation()) return;
    const std::lock_guard guard(mutex_);
    if (submissions_ == nullptr) return;
    submissions_->release_ring[released_ % kReplyBlocks] = number;
    // release: pairs with the acquire in ReplyBlocks::has_room.
    submissions_->released.store(++released_, std::memory_order_release);
  }

 private:
  std::mutex mutex_;
  SharedSubmissions* submissions_;
  std::uint64_t released_ = 0;
  const std::uint32_t generation_ = os::fork_generation();
};

/// A large result where its worker wrote it; the block is the worker's again once this is gone.
/// The worker may go on writing there: what is checked must be a private copy.
class ReplyLease {
 public:
  ReplyLease(std::shared_ptr<const memory::Mapping> segment, std::span<const std::byte> bytes,
             std::shared_ptr<ReplyLeases> leases, std::uint16_t number) noexcept
      : segment_(std::move(segment)), bytes_(bytes), leases_(std::move(leases)), number_(number) {}
  ReplyLease(const ReplyLease&) = delete;
  ReplyLease& operator=(const ReplyLease&) = delete;
  ~ReplyLease() { leases_->release(number_); }

  std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::shared_ptr<const memory::Mapping> segment_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<ReplyLeases> leases_;
  std::uint16_t number_;
};

}  // namespace shoal::pool
