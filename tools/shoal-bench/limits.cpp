// SPDX-License-Identifier: Apache-2.0
#include "limits.hpp"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "host.hpp"
#include "timing.hpp"

namespace bench {
namespace {

using Word = std::atomic<std::uint32_t>;

// Round n: the parent stores n into `there`, the child answers with n in `back`.
struct Court {
  alignas(64) Word there{0};
  alignas(64) Word back{0};
};

// The two CPUs that the parent and the child are bound to; none: where the scheduler likes.
using Placement = std::optional<std::pair<int, int>>;

void spin_until(const Word& word, std::uint32_t value) {
  constexpr int kPatience = 100'000;  // with one CPU only, the other side needs it
  for (int i = 1; word.load(std::memory_order_acquire) != value; ++i) {
    if (i % kPatience == 0) sched_yield();
  }
}

void sleep_until(Word& word, std::uint32_t value) {
  while (word.load(std::memory_order_acquire) != value) {
    syscall(SYS_futex, &word, FUTEX_WAIT, value - 1, nullptr, nullptr, 0);
  }
}

void store_and_wake(Word& word, std::uint32_t value) {
  word.store(value, std::memory_order_release);
  syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

double futex_ping_pong_us(const Scale& scale, const Placement& cpus) {
  const std::uint32_t rounds = scale.pick(20'000u, 500u);
  Shared<Court> court;
  RawChild child([&] {
    if (cpus) pin_to(cpus->second);
    for (std::uint32_t n = 1; n <= rounds; ++n) {
      sleep_until(court->there, n);
      store_and_wake(court->back, n);
    }
  });
  if (cpus) pin_to(cpus->first);
  std::uint32_t n = 0;
  const double result = median_step_us(rounds, [&] {
    store_and_wake(court->there, ++n);
    sleep_until(court->back, n);
  });
  child.join();
  return result;
}

}  // namespace

Figures measure_spin_ping_pong(const Scale& scale) {
  // The clock is read once in a batch: it costs a fifth of a round.
  constexpr std::uint32_t kBatch = 64;
  const std::uint32_t batches = scale.pick(4'000u, 200u);
  const auto cpus = two_cpus();
  Shared<Court> court;
  RawChild child([&] {
    pin_to(cpus.second);
    for (std::uint32_t n = 1; n <= batches * kBatch; ++n) {
      spin_until(court->there, n);
      court->back.store(n, std::memory_order_release);
    }
  });
  pin_to(cpus.first);
  std::uint32_t n = 0;
  const double batch_us = median_step_us(batches, [&] {
    for (std::uint32_t end = n + kBatch; n < end;) {
      court->there.store(++n, std::memory_order_release);
      spin_until(court->back, n);
    }
  });
  child.join();
  return {batch_us / kBatch};
}

Figures measure_futex_two_cpus(const Scale& scale) {
  return {futex_ping_pong_us(scale, two_cpus())};
}

Figures measure_futex_one_cpu(const Scale& scale) {
  const int cpu = two_cpus().first;
  return {futex_ping_pong_us(scale, std::pair(cpu, cpu))};
}

Figures measure_futex_unpinned(const Scale& scale) {
  return {futex_ping_pong_us(scale, std::nullopt)};
}

Figures measure_memcpy(const Scale& scale) {
  const std::size_t bytes = std::size_t{64} << 20;
  const std::vector<char> from(bytes, 1);
  std::vector<char> to(bytes, 2);
  const double us = median_step_us(scale.pick<std::size_t>(30, 3), [&] {
    std::memcpy(to.data(), from.data(), bytes);
    asm volatile("" : : "r"(to.data()) : "memory");  // the copy is wanted
  });
  return {static_cast<double>(bytes) / us / 1e3};
}

}  // namespace bench
