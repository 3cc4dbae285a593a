// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/deadline.hpp"
#include "model/machine.hpp"

namespace shoal::model {

/// The model in the place of sync::Hardware: what the shared-memory algorithms run on.
struct Platform {
  template <class T>
  class Atomic {
   public:
    Atomic() = default;
    Atomic(const Atomic&) = delete;
    Atomic& operator=(const Atomic&) = delete;

    // No order has a default: sequentially consistent accesses are not modelled.
    T load(std::memory_order order) const noexcept {
      return static_cast<T>(Machine::current().load(location(), order));
    }
    void store(T value, std::memory_order order) noexcept {
      Machine::current().store(location(), static_cast<std::uint64_t>(value), order);
    }
    T fetch_add(T value, std::memory_order order) noexcept {
      return static_cast<T>(
          Machine::current().add(location(), static_cast<std::uint64_t>(value), order));
    }
    bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                 std::memory_order failure) noexcept {
      std::uint64_t seen = static_cast<std::uint64_t>(expected);
      const bool is_done = Machine::current().swap(
          location(), seen, static_cast<std::uint64_t>(desired), success, failure);
      expected = static_cast<T>(seen);
      return is_done;
    }
    bool compare_exchange_weak(T& expected, T desired, std::memory_order success,
                               std::memory_order failure) noexcept {
      std::uint64_t seen = static_cast<std::uint64_t>(expected);
      const bool is_done = Machine::current().swap_weakly(
          location(), seen, static_cast<std::uint64_t>(desired), success, failure);
      expected = static_cast<T>(seen);
      return is_done;
    }

    /// Words that nobody uses need no location.
    Location location() const {
      if (location_ == kNowhere) location_ = Machine::current().add_location();
      return location_;
    }

   private:
    static constexpr Location kNowhere = 0xff;

    mutable Location location_ = kNowhere;
  };

  static void fence() noexcept { Machine::current().fence(); }
  static void relax() noexcept { Machine::current().relax(); }

  static void write(void* to, const void* from, std::size_t bytes) noexcept {
    Machine::current().write_plain(to);
    std::memcpy(to, from, bytes);
  }
  static void read(void* to, const void* from, std::size_t bytes) noexcept {
    Machine::current().read_plain(from);
    std::memcpy(to, from, bytes);
  }

  static void wait(const Atomic<std::uint32_t>& word, std::uint32_t expected,
                   base::Deadline) noexcept {
    Machine::current().futex_wait(word.location(), expected);
  }
  static int wake(const Atomic<std::uint32_t>& word, int count) noexcept {
    return Machine::current().futex_wake(word.location(), count);
  }
};

}  // namespace shoal::model
