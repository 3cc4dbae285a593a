// SPDX-License-Identifier: Apache-2.0
#include "process/runtime.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <set>

#include "os/child.hpp"
#include "os/host.hpp"
#include "process/spawner.hpp"

namespace shoal::process {
namespace {

// Runs `body` in a raw fork of this process and gives its result.
int in_forked_child(int (*body)()) {
  const int pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = -1;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(RuntimeTest, ForkedChildHasAFreshOneOfTheNextGeneration) {
  static const Runtime* const ours = &Runtime::instance();
  static const std::uint32_t generation = Runtime::generation();
  Runtime::instance().engine_slot() = std::make_shared<int>(1);
  EXPECT_EQ(in_forked_child([] {
              if (&Runtime::instance() == ours) return 1;
              if (Runtime::generation() != generation + 1) return 2;
              return Runtime::instance().engine_slot() == nullptr ? 0 : 3;
            }),
            0);
  EXPECT_EQ(&Runtime::instance(), ours);
  EXPECT_EQ(Runtime::generation(), generation);
  Runtime::instance().engine_slot().reset();
}

TEST(RuntimeTest, ForkedChildStartsASpawnerOfItsOwn) {
  int here = 0;
  Runtime::instance().spawner().run([&] { here = os::process_id(); });
  EXPECT_EQ(here, ::getpid());
  EXPECT_EQ(in_forked_child([] {
              int there = 0;
              Runtime::instance().spawner().run([&] { there = os::process_id(); });
              return there == ::getpid() ? 0 : 1;
            }),
            0);
}

TEST(RuntimeTest, SpawnerIsOneThreadForEveryCaller) {
  std::set<int> threads;
  for (int i = 0; i < 10; ++i) {
    std::async(std::launch::async, [&] {
      Runtime::instance().spawner().run([&] { threads.insert(os::thread_id()); });
    }).wait();
  }
  EXPECT_EQ(threads.size(), 1U);
  EXPECT_FALSE(threads.contains(os::thread_id()));
}

TEST(RuntimeTest, OwnThreadIsKnownAsOneWhenItsStartReturns) {
  // Shared, because the thread goes on for a moment after it was told to end.
  auto id = std::make_shared<std::promise<int>>();
  auto end = std::make_shared<std::promise<void>>();
  ASSERT_TRUE(Runtime::instance().start_own_thread("own", [id, end] {
    id->set_value(os::thread_id());
    end->get_future().wait();
  }));
  EXPECT_TRUE(Runtime::instance().is_own_thread(id->get_future().get()));
  end->set_value();
  EXPECT_FALSE(Runtime::instance().is_own_thread(os::thread_id()));
}

TEST(RuntimeTest, IdentitiesCount) {
  const int first = std::stoi(Runtime::instance().next_identity());
  EXPECT_EQ(Runtime::instance().next_identity(), std::to_string(first + 1));
}

TEST(RuntimeTest, ExitHooksRunLastOneFirst) {
  static int order = 0;
  EXPECT_EQ(in_forked_child([] {
              Runtime::instance().at_exit([] { order = order * 10 + 1; });
              Runtime::instance().at_exit([] { throw 1; });
              Runtime::instance().at_exit([] { order = order * 10 + 2; });
              Runtime::instance().end();
              Runtime::instance().end();
              return order;
            }),
            21);
}

}  // namespace
}  // namespace shoal::process
