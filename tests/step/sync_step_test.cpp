// SPDX-License-Identifier: Apache-2.0
// A process is killed after every single machine instruction of what it does with a lock or the
// like; then what it left is recovered, with the product's own code, and a survivor goes on.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <new>
#include <ostream>
#include <string>
#include <vector>

#include "step/stepped_child.hpp"
#include "support/sanitized.hpp"
#include "sync/barrier.hpp"
#include "sync/condition.hpp"
#include "sync/event.hpp"
#include "sync/hardware.hpp"
#include "sync/lock.hpp"
#include "sync/semaphore.hpp"

namespace shoal::sync {
namespace {

constexpr ParticipantId kDoomed = 2, kSurvivor = 3;

using TestLock = Lock<Hardware>;
using TestSemaphore = Semaphore<Hardware, 4>;
using TestCondition = Condition<Hardware, 4>;
using TestBarrier = Barrier<Hardware>;

struct Shared {
  TestLock lock;
  TestSemaphore semaphore;
  TestCondition condition;
  Event<Hardware> event;
  BarrierWords<Hardware> barrier_words;
  std::array<TestBarrier::Slot, 2> slots{};
};

// What the doomed child and the survivor, which is this process, share.
struct Scene {
  Scene()
      : shared(*new (::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)) Shared()) {}
  ~Scene() { ::munmap(&shared, sizeof(Shared)); }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  void recover() {
    lock.recover(kDoomed);
    lock.wake_all();
    semaphore.recover(kDoomed);
    semaphore.wake_all();
    condition.recover(kDoomed);
    condition.wake_all();
    shared.event.wake_all();
    barrier.recover(kDoomed);
    barrier.wake_all();
  }

  Shared& shared;
  TestLock& lock = shared.lock;
  TestSemaphore& semaphore = shared.semaphore;
  TestCondition& condition = shared.condition;
  TestBarrier barrier{shared.barrier_words, shared.slots};
  TestLock::Waiter waiter{kSurvivor};
  TestCondition::Place place{};
  std::uint64_t generation = 0;
};

// One operation, and what it may leave.
struct Operation {
  std::string name;
  std::function<void(Scene&)> prepare;
  std::function<void(Scene&)> act;           // in the child, which dies on its way through
  std::function<std::string(Scene&)> state;  // in this process, after the recovery
  std::vector<std::string> states;           // the possible ones, in this order
};

void PrintTo(const Operation& operation, std::ostream* out) { *out << operation.name; }

void nothing(Scene&) {}
void take(Scene& scene) { scene.lock.try_take(kDoomed); }
void wait_in_vain(Scene& scene) {
  TestLock::Waiter waiter{kDoomed};
  scene.lock.take_or_sleep(waiter, base::Deadline::until({}));
  waiter.is_impatient = true;
  scene.lock.take_or_sleep(waiter, base::Deadline::until({}));
  scene.lock.give_up(waiter);
}
void take_with_a_waiter(Scene& scene) {
  take(scene);
  scene.lock.take_or_sleep(scene.waiter, base::Deadline::now());
}

// The survivor takes the lock, by whatever it takes, and gives it back.
std::string lock_state(Scene& scene) {
  std::string state = "free";
  if (scene.lock.owner() == kSurvivor) {
    state = "kept";
    EXPECT_TRUE(scene.lock.unlock());
  }
  switch (scene.lock.take_or_sleep(scene.waiter, base::Deadline::now())) {
    case Taken::yes:
      break;
    case Taken::owner_died:
      state = "died";
      EXPECT_TRUE(scene.lock.take_over(kSurvivor));
      break;
    case Taken::no:
      ADD_FAILURE() << "the survivor does not get the lock";
  }
  EXPECT_EQ(scene.lock.owner(), kSurvivor);
  EXPECT_TRUE(scene.lock.unlock());
  TestLock::Waiter newcomer{1};
  EXPECT_EQ(scene.lock.take_or_sleep(newcomer, base::Deadline::now()), Taken::yes);
  return state;
}

std::string permits(Scene& scene) {
  const std::uint32_t value = scene.semaphore.value();
  EXPECT_EQ(scene.semaphore.held(kDoomed), 0U);
  for (std::uint32_t i = 0; i < value; ++i) EXPECT_TRUE(scene.semaphore.try_acquire(kSurvivor));
  EXPECT_FALSE(scene.semaphore.try_acquire(kSurvivor));
  EXPECT_TRUE(scene.semaphore.release(kSurvivor, 1, 9));
  return std::to_string(value);
}

std::string notified(Scene& scene) {
  const bool was = scene.condition.is_notified(scene.place);
  EXPECT_EQ(scene.condition.notify(4), was ? 0U : 1U);
  EXPECT_TRUE(scene.condition.leave(scene.place));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(scene.condition.enter(kSurvivor).has_value());
  return was ? "notified" : "waiting";
}

// Says what became of the generation that the survivor waits in, and that a new one can begin.
std::string barrier_state(Scene& scene) {
  std::string state = "waiting";
  switch (scene.barrier.outcome(scene.generation)) {
    case TestBarrier::Outcome::pending:
      break;
    case TestBarrier::Outcome::passed:
      state = "passed";
      break;
    case TestBarrier::Outcome::broken:
      state = "broken";
  }
  scene.barrier.reset();
  for (unsigned i = 0; i < 2; ++i) EXPECT_EQ(scene.barrier.arrive(kSurvivor).index, i);
  EXPECT_TRUE(scene.barrier.pass(scene.barrier.generation()));
  return state;
}

std::vector<Operation> lock_operations() {
  return {
      {"take", nothing, take, lock_state, {"free", "died"}},
      {"take_and_unlock",
       nothing,
       [](Scene& scene) {
         take(scene);
         scene.lock.unlock();
       },
       lock_state,
       {"free", "died", "free"}},
      {"unlock", take, [](Scene& scene) { scene.lock.unlock(); }, lock_state, {"died", "free"}},
      {"unlock_with_a_waiter",
       take_with_a_waiter,
       [](Scene& scene) { scene.lock.unlock(); },
       lock_state,
       {"died", "free"}},
      {"wait_in_vain",
       [](Scene& scene) { scene.lock.try_take(kSurvivor); },
       wait_in_vain,
       lock_state,
       {"kept"}},
      {"take_over",
       [](Scene& scene) {
         scene.lock.try_take(1);
         scene.lock.recover(1);
       },
       [](Scene& scene) { scene.lock.take_over(kDoomed); },
       lock_state,
       {"died"}},
      {"abandon", take, [](Scene& scene) { scene.lock.abandon(kDoomed); }, lock_state, {"died"}},
  };
}

std::vector<Operation> semaphore_operations() {
  const auto start = [](Scene& scene) { scene.semaphore.start(2); };
  const auto acquire = [](Scene& scene) { scene.semaphore.try_acquire(kDoomed); };
  return {
      {"acquire", start, acquire, permits, {"2"}},
      {"acquire_behind_another",
       [=](Scene& scene) {
         scene.semaphore.start(3);
         scene.semaphore.try_acquire(1);
       },
       acquire,
       permits,
       {"2"}},
      {"release",
       [=](Scene& scene) {
         start(scene);
         acquire(scene);
         scene.semaphore.changes().prepare();
       },
       [](Scene& scene) { scene.semaphore.release(kDoomed, 1, 2); },
       permits,
       {"2"}},
      {"release_of_new_ones",
       start,
       [](Scene& scene) { scene.semaphore.release(kDoomed, 2, 9); },
       permits,
       {"2", "4"}},
      {"forget",
       [=](Scene& scene) {
         start(scene);
         acquire(scene);
       },
       [](Scene& scene) { scene.semaphore.forget(kDoomed); },
       permits,
       {"2", "1"}},
  };
}

std::vector<Operation> condition_operations() {
  const auto wait = [](Scene& scene) { scene.place = *scene.condition.enter(kSurvivor); };
  return {
      {"enter_and_leave",
       wait,
       [](Scene& scene) { scene.condition.leave(*scene.condition.enter(kDoomed)); },
       notified,
       {"waiting"}},
      {"notify",
       wait,
       [](Scene& scene) { scene.condition.notify(1); },
       notified,
       {"waiting", "notified"}},
      {"notify_all",
       wait,
       [](Scene& scene) { scene.condition.notify_all(); },
       notified,
       {"waiting", "notified"}},
      {"leave_notified",  // until it has taken notice, another is told in its place
       [](Scene& scene) {
         (void)scene.condition.enter(kDoomed);
         scene.place = *scene.condition.enter(kSurvivor);
         scene.condition.notify(1);
       },
       [](Scene& scene) {
         // the slot 0, with the order 0
         scene.condition.leave({0, 1 | std::uint64_t{kDoomed} << 2});
       },
       notified,
       {"notified", "waiting"}},
      {"set",
       [](Scene& scene) {
         scene.shared.event.sleep(scene.shared.event.begin(), base::Deadline::now());
       },
       [](Scene& scene) { scene.shared.event.set(); },
       [](Scene& scene) -> std::string { return scene.shared.event.is_set() ? "set" : "clear"; },
       {"clear", "set"}},
      {"clear",
       [](Scene& scene) { scene.shared.event.set(); },
       [](Scene& scene) { scene.shared.event.clear(); },
       [](Scene& scene) -> std::string { return scene.shared.event.is_set() ? "set" : "clear"; },
       {"set", "clear"}},
  };
}

std::vector<Operation> barrier_operations() {
  const auto wait = [](Scene& scene) {
    scene.generation = scene.barrier.arrive(kSurvivor).generation;
    scene.barrier.changes().prepare();
  };
  return {
      {"arrive_first",
       nothing,
       [](Scene& scene) { scene.barrier.arrive(kDoomed); },
       barrier_state,
       {"waiting", "broken"}},
      {"arrive_and_pass",
       wait,
       [](Scene& scene) { scene.barrier.pass(scene.barrier.arrive(kDoomed).generation); },
       barrier_state,
       {"waiting", "broken", "passed"}},
      {"abort",
       wait,
       [](Scene& scene) { scene.barrier.abort(); },
       barrier_state,
       {"waiting", "broken"}},
      {"reset",
       wait,
       [](Scene& scene) { scene.barrier.reset(); },
       barrier_state,
       {"waiting", "broken"}},
  };
}

class SyncStepTest : public testing::TestWithParam<Operation> {
 protected:
  // What is left of the operation when it is killed behind so many instructions.
  std::string state_after(int instructions) {
    const Operation& operation = GetParam();
    Scene scene;
    operation.prepare(scene);
    executed_ = test::step_and_kill([&] { operation.act(scene); }, instructions);
    scene.recover();
    return operation.state(scene);
  }

  int executed_ = 0;
};

TEST_P(SyncStepTest, LeavesTheOthersFreeToGoOnWhateverTheInstruction) {
  if (test::kIsSanitized) GTEST_SKIP() << "most instructions would be the sanitizer's";
  if (!test::can_step()) GTEST_SKIP() << "this process may not step through its children";
  const std::vector<std::string>& states = GetParam().states;
  std::vector<int> counts(states.size());
  std::size_t at = 0;
  int points = 0;
  {
    Scene first;  // what the linker binds at the first call is bound here
    GetParam().prepare(first);
    GetParam().act(first);
  }
  EXPECT_EQ(state_after(test::kToTheEnd), states.back());
  const int all = executed_;
  for (; points <= all && !HasFailure(); ++points) {
    const std::string state = state_after(points);
    ASSERT_EQ(executed_, points);
    if (state != states[at] && at + 1 < states.size()) ++at;
    EXPECT_EQ(state, states[at]) << "behind instruction " << points << " of " << all;
    ++counts[at];
  }
  EXPECT_GT(std::ranges::min(counts), 0) << "a state was never seen";
  std::printf("%s: %d points:", GetParam().name.c_str(), points);
  for (std::size_t i = 0; i < states.size(); ++i) {
    std::printf(" %s %d", states[i].c_str(), counts[i]);
  }
  std::printf("\n");
}

std::string name_of(const testing::TestParamInfo<Operation>& operation) {
  return operation.param.name;
}

INSTANTIATE_TEST_SUITE_P(Lock, SyncStepTest, testing::ValuesIn(lock_operations()), name_of);
INSTANTIATE_TEST_SUITE_P(Semaphore, SyncStepTest, testing::ValuesIn(semaphore_operations()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Condition, SyncStepTest, testing::ValuesIn(condition_operations()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Barrier, SyncStepTest, testing::ValuesIn(barrier_operations()), name_of);

}  // namespace
}  // namespace shoal::sync
