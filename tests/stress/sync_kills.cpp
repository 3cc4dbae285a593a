// SPDX-License-Identifier: Apache-2.0
#include "stress/sync_kills.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <random>
#include <shoal/barrier.hpp>
#include <shoal/context.hpp>
#include <shoal/error.hpp>
#include <shoal/event.hpp>
#include <shoal/lock.hpp>
#include <shoal/process.hpp>
#include <shoal/unique_fd.hpp>
#include <stdexcept>
#include <thread>
#include <vector>

namespace shoal::test {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr unsigned kParties = 4;

// What the lock guards: two words that are equal while nobody is inside. The rest counts.
struct Guarded {
  std::atomic<std::uint64_t> first, second;
  std::atomic<std::uint64_t> recoveries, passes, breaks;
};

Guarded& map(int file) {
  void* const memory =
      ::mmap(nullptr, sizeof(Guarded), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("mmap");
  return *static_cast<Guarded*>(memory);
}

// The words are written one after the other, and a repair makes them equal.
void change(const Lock& lock, Guarded& guarded) {
  try {
    const std::lock_guard guard(lock);
    const std::uint64_t next = guarded.first.load(std::memory_order_relaxed) + 1;
    if (guarded.second.load(std::memory_order_relaxed) != next - 1) {
      throw std::logic_error("two were inside, or a death was not told");
    }
    guarded.first.store(next, std::memory_order_relaxed);
    std::this_thread::yield();
    guarded.second.store(next, std::memory_order_relaxed);
  } catch (const OwnerDiedError&) {
    try {
      const bool is_mine = lock.recover([&] {
        guarded.second.store(guarded.first.load(std::memory_order_relaxed),
                             std::memory_order_relaxed);
      });
      if (is_mine) ++guarded.recoveries;
    } catch (const Error&) {
      // another is at it
    }
  }
}

void meet(const Barrier& barrier, Guarded& guarded) {
  try {
    barrier.wait_for(20ms);
    ++guarded.passes;
  } catch (const BrokenBarrierError&) {
    ++guarded.breaks;
    barrier.reset();
  }
}

void live(const Lock& lock, const Barrier& barrier, const Event& is_over, const UniqueFd& file) {
  Guarded& guarded = map(file.get());
  while (!is_over.is_set()) {
    change(lock, guarded);
    meet(barrier, guarded);
  }
}

struct Counts {
  unsigned kills = 0;
  unsigned stops = 0;
};

class Crowd {
 public:
  Crowd(StartMethod method, unsigned seed) : context_(get_context(method)), dice_(seed) {
    if (::ftruncate(file_.get(), sizeof(Guarded)) != 0) throw std::runtime_error("ftruncate");
    while (parties_.size() < kParties) start();
  }

  void harass_until(Clock::time_point end) {
    while (Clock::now() < end) {
      const std::size_t index = dice_() % parties_.size();
      Process& party = parties_[index];
      EXPECT_TRUE(party.is_alive()) << "a party ended by itself";
      if (dice_() % 2 == 0) {
        party.kill();
        party.join();
        parties_.erase(parties_.begin() + static_cast<std::ptrdiff_t>(index));
        ++counts_.kills;
        start();
      } else {
        ::kill(party.pid(), SIGSTOP);
        std::this_thread::sleep_for(std::chrono::microseconds(dice_() % 5'000));
        ::kill(party.pid(), SIGCONT);
        ++counts_.stops;
      }
      change(lock_, guarded_);
      std::this_thread::sleep_for(std::chrono::microseconds(dice_() % 10'000));
    }
  }

  // Nobody dies any more: all meet again and again, and come to their end.
  void end_in_peace() {
    const std::uint64_t passes = guarded_.passes;
    while (guarded_.passes < passes + std::uint64_t{10} * kParties) std::this_thread::yield();
    is_over_.set();
    for (Process& party : parties_) {
      party.join();
      EXPECT_EQ(party.exitcode(), 0);
    }
    EXPECT_EQ(guarded_.first, guarded_.second);
    std::printf(
        "%u kills, %u stops: %llu times inside, %llu recoveries, %llu passes, %llu breaks\n",
        counts_.kills, counts_.stops, number(guarded_.first), number(guarded_.recoveries),
        number(guarded_.passes), number(guarded_.breaks));
    ::munmap(&guarded_, sizeof(Guarded));
  }

 private:
  static unsigned long long number(const std::atomic<std::uint64_t>& word) { return word; }

  void start() {
    parties_.push_back(context_.process(live, lock_, barrier_, is_over_, file_.duplicate()));
    parties_.back().start();
  }

  Context context_;
  std::mt19937 dice_;
  Lock lock_;
  Barrier barrier_{kParties};
  Event is_over_;
  UniqueFd file_{::memfd_create("guarded", MFD_CLOEXEC)};
  Guarded& guarded_ = map(file_.get());
  std::vector<Process> parties_;
  Counts counts_;
};

}  // namespace

void kill_and_stop(StartMethod method, std::chrono::seconds length) {
  Crowd crowd(method, 1);
  crowd.harass_until(Clock::now() + length);
  crowd.end_in_peace();
}

}  // namespace shoal::test
