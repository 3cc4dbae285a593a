// SPDX-License-Identifier: Apache-2.0
#include "pool/lent_files.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "os/event.hpp"
#include "pool/kept_files.hpp"

namespace shoal::pool {
namespace {

using File = std::shared_ptr<const UniqueFd>;

os::Fd make_file() { return std::move(*os::create_event()); }

class LentFilesTest : public testing::Test {
 protected:
  // As an incarnation does.
  std::optional<unsigned> lend(const File& file, bool may_evict = false) {
    const std::optional<unsigned> slot = lent.find_room(may_evict);
    if (slot) lent.lend(*slot, file);
    return slot;
  }

  std::unique_ptr<SharedSubmissions> submissions = std::make_unique<SharedSubmissions>();
  std::shared_ptr<const UniqueFd> button = std::make_shared<const UniqueFd>(make_file());
  std::shared_ptr<os::EndBell> bell = std::make_shared<os::EndBell>(button);
  LentFiles lent{*submissions, bell};
};

TEST_F(LentFilesTest, WhatIsLentIsFoundInItsSlot) {
  const File one = os::LastingFd::make(make_file());
  const File two = os::LastingFd::make(make_file());
  EXPECT_FALSE(lent.find(one));
  EXPECT_EQ(lend(one), 0u);
  EXPECT_EQ(lend(two), 1u);
  EXPECT_EQ(lent.find(one), 0u);
  EXPECT_EQ(lent.find(two), 1u);
  EXPECT_NE(submissions->kept[0].load(), submissions->kept[1].load());
}

TEST_F(LentFilesTest, WhatGoesRingsTheBellAndLeavesItsSlot) {
  File one = os::LastingFd::make(make_file());
  const File two = os::LastingFd::make(make_file());
  lend(one);
  lend(two);
  EXPECT_FALSE(bell->take());
  EXPECT_FALSE(lent.drop_gone());
  one.reset();
  EXPECT_TRUE(os::silence(button->get()));
  EXPECT_TRUE(bell->take());
  EXPECT_FALSE(bell->take());
  EXPECT_TRUE(lent.drop_gone());
  EXPECT_EQ(submissions->kept[0].load(), 0u);
  EXPECT_NE(submissions->kept[1].load(), 0u);
  EXPECT_FALSE(lent.drop_gone());
}

TEST_F(LentFilesTest, ASlotIsTakenFromAnotherOnlyWhereThatIsAllowed) {
  std::vector<File> files;
  for (unsigned slot = 0; slot < kKeptSlots; ++slot) {
    files.push_back(os::LastingFd::make(make_file()));
    EXPECT_EQ(lend(files.back()), slot);
  }
  const File more = os::LastingFd::make(make_file());
  EXPECT_FALSE(lend(more));
  const std::optional<unsigned> slot = lend(more, true);
  ASSERT_TRUE(slot);
  EXPECT_EQ(lent.find(more), slot);
  EXPECT_FALSE(lent.find(files[*slot]));
}

TEST_F(LentFilesTest, ATaskDoesNotTakeASlotFromItself) {
  std::vector<File> files;
  for (unsigned i = 0; i < kKeptSlots; ++i) {
    files.push_back(os::LastingFd::make(make_file()));
    lend(files.back());
  }
  for (unsigned round = 0; round < 2 * kKeptSlots; ++round) {
    const std::array<std::uint8_t, kKeptPerTask> names{2, 3, 0, 32};
    const std::optional<unsigned> slot = lent.find_room(true, names);
    ASSERT_TRUE(slot);
    EXPECT_EQ(std::ranges::count(names, *slot + 1), 0) << *slot;
  }
}

TEST_F(LentFilesTest, WithoutABellNothingIsLent) {
  LentFiles none(*submissions, nullptr);
  EXPECT_FALSE(none.may_lend());
  EXPECT_FALSE(none.find_room(true));
}

// Another at the same address must not be taken for one that has gone.
TEST_F(LentFilesTest, OneThatHasGoneIsNotFoundInAnothersPlace) {
  for (int round = 0; round < 20; ++round) {
    const File file = os::LastingFd::make(make_file());
    EXPECT_FALSE(lent.find(file)) << round;
    ASSERT_TRUE(lend(file));
  }
}

TEST_F(LentFilesTest, TheWorkerLetsGoOfWhatItsParentHasLetGo) {
  KeptFiles kept(*submissions);
  File one = os::LastingFd::make(make_file());
  const std::uint64_t id = lent.next_id();
  const std::optional<unsigned> slot = lend(one);
  EXPECT_FALSE(kept.has(*slot));
  Parcel parcel;
  parcel.label = {.ticket = kKeptTicket, .slot = *slot, .segment = id};
  parcel.fds.push_back(make_file());
  ASSERT_TRUE(kept.add(parcel));
  EXPECT_TRUE(kept.has(*slot));
  const auto companion = std::make_shared<int>(1);
  os::KeptFd::find(kept.file(*slot))->keep(companion);
  kept.drop_stale();
  EXPECT_TRUE(kept.has(*slot));
  one.reset();
  lent.drop_gone();
  EXPECT_FALSE(kept.has(*slot));
  kept.drop_stale();
  EXPECT_EQ(companion.use_count(), 1);
}

TEST(LastingFdTest, OrdinaryDescriptorsDoNotLast) {
  const File plain = std::make_shared<const UniqueFd>(make_file());
  EXPECT_EQ(os::LastingFd::find(plain), nullptr);
  EXPECT_EQ(os::KeptFd::find(plain), nullptr);
  EXPECT_EQ(os::KeptFd::find(os::LastingFd::make(make_file())), nullptr);
  EXPECT_EQ(os::LastingFd::find(os::KeptFd::make(make_file())), nullptr);
}

}  // namespace
}  // namespace shoal::pool
