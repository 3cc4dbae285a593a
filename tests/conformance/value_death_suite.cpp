// SPDX-License-Identifier: Apache-2.0
// What shared values and arrays promise of processes that are killed, and of copies by fork().

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <numeric>
#include <random>
#include <shoal/connection.hpp>
#include <shoal/error.hpp>
#include <span>
#include <stdexcept>

#include "conformance/parties.hpp"

namespace shoal::test {
namespace {

void pause_for_ever() {
  for (;;) ::pause();
}

[[noreturn]] void die() {
  ::kill(::getpid(), SIGKILL);
  pause_for_ever();
  throw std::logic_error("not dead");
}

// Two halves that are equal while nobody is inside.
struct Halves {
  std::int64_t first = 0;
  std::array<std::int64_t, 100> between{};
  std::int64_t second = 0;
};

class ValueDeathSuite : public ProcessPartySuite {};

TEST_P(ValueDeathSuite, ADeathInsideIsToldUntilSomebodyRecovers) {
  const Value<Halves> value;
  Party doomed = start(
      [](const Value<Halves>& same) {
        same.with([](Halves& halves) {
          halves.first = 1;
          die();
        });
      },
      value);
  EXPECT_FALSE(doomed.join());
  EXPECT_THROW(value.get(), OwnerDiedError);
  EXPECT_THROW(value.set({}), OwnerDiedError);
  EXPECT_THROW(value.with([](Halves&) {}), OwnerDiedError);
  EXPECT_THROW(value.lock(), OwnerDiedError);
  EXPECT_THROW(value.try_lock(), OwnerDiedError);
  EXPECT_TRUE(value.recover([](Halves& halves) {
    EXPECT_EQ(halves.first, 1);
    halves.second = halves.first;
  }));
  EXPECT_EQ(value.get().second, 1);
  EXPECT_FALSE(value.recover());
}

TEST_P(ValueDeathSuite, AnArraysDeadOwnerIsToldToo) {
  const Array<int> array(1'000);
  Party doomed = start(
      [](const Array<int>& same) {
        same.with([](std::span<int> all) {
          all[500] = 1;
          die();
        });
      },
      array);
  EXPECT_FALSE(doomed.join());
  EXPECT_THROW(array.with([](std::span<int>) {}), OwnerDiedError);
  EXPECT_THROW(array.recover([](std::span<int>) { throw std::runtime_error("not mended"); }),
               std::runtime_error);
  EXPECT_THROW(array.lock(), OwnerDiedError);
  EXPECT_TRUE(array.recover([](std::span<int> all) { all[500] = 0; }));
  EXPECT_EQ(
      array.with([](std::span<int> all) { return std::accumulate(all.begin(), all.end(), 0); }), 0);
}

TEST_P(ValueDeathSuite, ALockMayBeTakenOverSilently) {
  const Value<int> value(1, OnOwnerDeath::acquire);
  const Array<int> array({1, 2}, OnOwnerDeath::acquire);
  Party doomed = start(
      [](const Value<int>& same_value, const Array<int>& same_array) {
        same_value.lock();
        same_array.lock();
        die();
      },
      value, array);
  EXPECT_FALSE(doomed.join());
  EXPECT_EQ(value.get(), 1);
  EXPECT_EQ(array.with([](std::span<int> all) { return all[1]; }), 2);
}

TEST_P(ValueDeathSuite, AKilledWriterLeavesAWholeValueOrItIsTold) {
  const Value<Halves> value;
  std::minstd_rand dice(3);
  for (int i = 0; i < 10; ++i) {
    const Event begins;
    Party writer = start(
        [](const Value<Halves>& same, const Event& has_begun) {
          for (std::int64_t n = 1;; ++n) {
            same.set({n, {}, n});
            if (n == 100) has_begun.set();
          }
        },
        value, begins);
    begins.wait();
    for (auto left = dice() % 1'000; left > 0; --left) static_cast<void>(value.get().first);
    writer.process().kill();
    writer.join();
    try {
      const Halves halves = value.get();
      EXPECT_EQ(halves.first, halves.second);
    } catch (const OwnerDiedError&) {
      EXPECT_TRUE(value.recover([](Halves& halves) { halves.second = halves.first; }));
    }
  }
}

TEST_P(ValueDeathSuite, WhoWaitsForTheLockIsTold) {
  const Value<int> value;
  const Event is_held, waits;
  Party owner = start(
      [](const Value<int>& same, const Event& held) {
        same.lock();
        held.set();
        pause_for_ever();
      },
      value, is_held);
  is_held.wait();
  Party waiter = start(
      [](const Value<int>& same, const Event& is_there) {
        is_there.set();
        ASSERT_THROW(same.set(1), OwnerDiedError);
      },
      value, waits);
  waits.wait();
  owner.process().kill();
  EXPECT_TRUE(waiter.join());
}

TEST_P(ValueDeathSuite, TheMemoryOutlivesItsMaker) {
  const auto [here, there] = pipe();
  Party maker = start(
      [](const Connection& out) {
        out.send(Value<int>(7));
        const Value<int> held(8);
        held.lock();
        out.send(held);
        pause_for_ever();
      },
      there);
  const Value<int> value = here.recv<Value<int>>();
  const Value<int> held = here.recv<Value<int>>();
  maker.process().kill();
  maker.join();
  EXPECT_EQ(value.get(), 7);
  value.set(9);
  EXPECT_EQ(value.get(), 9);
  EXPECT_THROW(held.get(), OwnerDiedError);
}

SHOAL_FOR_EACH_PROCESS_HOME(ValueDeathSuite);

// The number of those of `calls` that throw ClosedError in a copy of this process.
template <class... Call>
int refused_in_a_copy(const Call&... calls) {
  const pid_t child = ::fork();
  if (child == 0) {
    int refused = 0;
    const auto attempt = [&](const auto& call) {
      try {
        call();
      } catch (const ClosedError&) {
        ++refused;
      }
    };
    (attempt(calls), ...);
    ::_exit(refused);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WEXITSTATUS(status);
}

TEST(ValueTest, ACopyByForkIsRefused) {
  const Value<int> value;
  const RawValue<int> raw;
  const Array<int> array(3);
  EXPECT_EQ(refused_in_a_copy([&] { value.get(); }, [&] { value.set(1); }, [&] { *value = 1; },
                              [&] { value.lock(); }, [&] { raw.get(); }, [&] { array[0] = 1; },
                              [&] { array.at(1) = 1; }, [&] { array.span(); },
                              [&] { array.with([](std::span<int>) {}); }),
            9);
}

// The copy of a process that is made inside does not hold the lock, and ends in peace.
TEST(ValueTest, ACopyMadeInsideGivesNothingBack) {
  const Value<int> value;
  pid_t child = -1;
  value.with([&](int&) { child = ::fork(); });
  if (child == 0) ::_exit(5);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 5);
  EXPECT_TRUE(value.try_lock());
}

}  // namespace
}  // namespace shoal::test
