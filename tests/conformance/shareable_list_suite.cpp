// SPDX-License-Identifier: Apache-2.0
// What a list in shared memory promises, between threads and between processes.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <shoal/error.hpp>
#include <shoal/event.hpp>
#include <shoal/process_pool_executor.hpp>
#include <shoal/queue.hpp>
#include <shoal/shareable_list.hpp>
#include <shoal/shared_memory.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "conformance/parties.hpp"
#include "support/leak_guard.hpp"

namespace shoal::test {
namespace {

using Item = ShareableList::Item;
using Bytes = std::vector<std::byte>;

const Bytes kBytes{std::byte{1}, std::byte{0}, std::byte{255}};

class ShareableListSuite : public PartySuite {};

TEST_P(ShareableListSuite, HoldsSixTypesAndChangesThemInPlace_148) {
  EXPECT_TRUE(start([] {}).join());  // helpers stay
  const LeakGuard guard;
  const ShareableList list{1, 2.5, true, "text", nullptr, kBytes, -7L};
  EXPECT_EQ(list.size(), 7U);
  Party other = start(
      [](const ShareableList& same) {
        const std::vector<Item> there(same.begin(), same.end());
        const std::vector<Item> expected{
            std::int64_t{1}, 2.5, true, std::string("text"), nullptr, kBytes, std::int64_t{-7}};
        if (there != expected) throw std::logic_error("other values");
        same.set(0, "one");
        same.set(1, nullptr);
        same.set(2, kBytes);
        same.set(3, 4);
        same.set(4, 0.5);
        same.set(5, false);
      },
      list);
  EXPECT_TRUE(other.join());
  EXPECT_EQ(list.get<std::string>(0), "one");
  EXPECT_EQ(list.get<std::nullptr_t>(1), nullptr);
  EXPECT_EQ(list.get<Bytes>(2), kBytes);
  EXPECT_EQ(list.get<int>(3), 4);
  EXPECT_EQ(list.get<double>(4), 0.5);
  EXPECT_FALSE(list.get<bool>(5));
  EXPECT_EQ(list.get<Item>(6), Item(std::int64_t{-7}));
}

TEST_P(ShareableListSuite, IsFoundInAndCounted_148) {
  const ShareableList list{1, "a", 1.0, true, 1, "a"};
  EXPECT_EQ(list.index("a"), 1U);
  EXPECT_EQ(list.index(1.0), 2U);
  EXPECT_EQ(list.index("b"), std::nullopt);
  EXPECT_EQ(list.count(1), 2U);
  EXPECT_EQ(list.count(nullptr), 0U);
}

TEST_P(ShareableListSuite, WhatExceedsAnEntrysStorageChangesNothing_148) {
  const std::string eight = "\u00e9\u00e9\u00e9\u00e9";  // four letters
  const ShareableList list{"left", eight, "right", 1};
  Party other = start(
      [](const ShareableList& same, const std::string& fits) {
        same.set(1, fits);
        same.set(3, fits);
        try {
          same.set(1, fits + "9");
        } catch (const std::invalid_argument& error) {
          const std::string what = error.what();
          if (what.find("exceeds available storage") != what.npos) return;
        }
        throw std::logic_error("nine bytes are in eight");
      },
      list, eight);
  EXPECT_TRUE(other.join());
  EXPECT_EQ(list.get<std::string>(0), "left");
  EXPECT_EQ(list.get<std::string>(1), eight);
  EXPECT_EQ(list.get<std::string>(2), "right");
  EXPECT_EQ(list.get<std::string>(3), eight);
  const ShareableList longer{std::string(9, 'x')};
  longer.set(0, std::string(16, 'y'));
  EXPECT_THROW(longer.set(0, std::string(17, 'y')), std::invalid_argument);
  EXPECT_EQ(longer.get<std::string>(0), std::string(16, 'y'));
}

TEST_P(ShareableListSuite, WrongIndicesAndTypesAreErrors_148) {
  const ShareableList list{300, "text"};
  EXPECT_THROW(list.get(2), std::out_of_range);
  EXPECT_THROW(list.set(static_cast<std::size_t>(-1), 1), std::out_of_range);
  EXPECT_THROW(list.get<double>(0), CodecError);
  EXPECT_THROW(list.get<bool>(0), CodecError);
  EXPECT_THROW(list.get<std::int8_t>(0), CodecError);
  EXPECT_THROW(list.get<int>(1), CodecError);
  EXPECT_EQ(list.get<std::uint16_t>(0), 300U);
}

TEST_P(ShareableListSuite, ACopyIsAnotherListAndAHandleIsNot_148) {
  const ShareableList list{1, std::string(20, 'x')};
  const ShareableList copy = list.copy();
  const ShareableList handle = list;
  const auto change = [](const ShareableList& same) { same.set(0, 2); };
  EXPECT_TRUE(start(change, list).join());
  EXPECT_EQ(copy.get<int>(0), 1);
  EXPECT_EQ(handle.get<int>(0), 2);
  EXPECT_TRUE(start(change, copy).join());
  EXPECT_EQ(copy.get<int>(0), 2);
  copy.set(1, 3);
  copy.copy().set(1, std::string(24, 'y'));
  EXPECT_EQ(copy.get<int>(1), 3);
}

TEST_P(ShareableListSuite, MayBeEmpty_148) {
  const ShareableList list{};
  EXPECT_EQ(list.size(), 0U);
  EXPECT_EQ(list.copy().size(), 0U);
  EXPECT_THROW(list.get(0), std::out_of_range);
  EXPECT_EQ(ShareableList(std::vector<Item>{1, 2}).size(), 2U);
  Party other = start(
      [](const ShareableList& same) {
        if (same.size() != 0 || same.begin() != same.end()) throw std::logic_error("not empty");
      },
      list);
  EXPECT_TRUE(other.join());
}

// Three values in turn, so that each of an entry's two cells changes.
TEST_P(ShareableListSuite, AReaderBesideAWriterSeesWholeValues) {
  constexpr std::size_t kLength = 8'000;
  const ShareableList list{std::string(kLength, 'a')};
  const Event has_begun, is_over;
  Party writer = start(
      [](const ShareableList& same, const Event& begun, const Event& end) {
        begun.set();
        for (char letter = 'a'; !end.is_set();
             letter = letter == 'c' ? 'a' : static_cast<char>(letter + 1)) {
          same.set(0, std::string(kLength, letter));
          // Not all the time: a reader may be slower than a writer.
          if (same.get<std::string>(0)[0] != letter) throw std::logic_error("another writer?");
        }
      },
      list, has_begun, is_over);
  has_begun.wait();
  char before = 'a';
  bool is_whole = true;
  for (int reads = 0, changes = 0; is_whole && (reads < 1'000 || changes < 10); ++reads) {
    const auto text = list.get<std::string>(0);
    is_whole = text == std::string(kLength, text[0]);
    changes += text[0] == before ? 0 : 1;
    before = text[0];
  }
  EXPECT_TRUE(is_whole);
  is_over.set();
  EXPECT_TRUE(writer.join());
}

SHOAL_FOR_EACH_HOME(ShareableListSuite);

class ShareableListDeathSuite : public ProcessPartySuite {};

TEST_P(ShareableListDeathSuite, AKilledWriterLeavesAValue) {
  const std::string first(1000, 'a'), second(999, 'b');
  const ShareableList list{first};
  std::mt19937 dice(3);
  for (int i = 0; i < 6; ++i) {
    const Event has_begun;
    Party writer = start(
        [](const ShareableList& same, const Event& begun) {
          const std::string one(1000, 'a'), other(999, 'b');
          for (;;) {
            same.set(0, other);
            begun.set();
            same.set(0, one);
          }
        },
        list, has_begun);
    has_begun.wait();
    for (auto looks = dice() % 1000; looks != 0; --looks) list.get(0);
    writer.process().kill();
    writer.process().join();
    const auto text = list.get<std::string>(0);
    EXPECT_TRUE(text == first || text == second) << text;
    list.set(0, "next");
    EXPECT_EQ(list.get<std::string>(0), "next");
  }
}

TEST_P(ShareableListDeathSuite, IsArgumentAndResultOfATask) {
  ProcessPoolExecutor pool({.max_workers = 1, .context = get_context(GetParam().method())});
  const ShareableList list{1, "two"};
  const auto change = [](const ShareableList& same) {
    same.set(0, same.get<int>(0) + 1);
    return same;
  };
  EXPECT_EQ(pool.submit(change, list).get().get<int>(0), 2);
  EXPECT_EQ(list.get<int>(0), 2);
}

SHOAL_FOR_EACH_PROCESS_HOME(ShareableListDeathSuite);

// --- one process --------------------------------------------------------------------------------

TEST(ShareableListTest, ABareForksChildMayNotUseIt) {
  const ShareableList list{1};
  const pid_t child = ::fork();
  if (child == 0) {
    int refused = 0;
    for (void (*call)(const ShareableList&) : {+[](const ShareableList& same) { same.get(0); },
                                               +[](const ShareableList& same) { same.set(0, 2); },
                                               +[](const ShareableList& same) { same.size(); },
                                               +[](const ShareableList& same) { same.copy(); }}) {
      try {
        call(list);
      } catch (const ClosedError&) {
        ++refused;
      }
    }
    ::_exit(refused == 4 ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

// The memory of a list, as a peer that means harm has it.
SharedMemory memory_of(const ShareableList& list) {
  Writer writer;
  writer.put(list);
  return Reader(writer.bytes(), writer.descriptors()).get<SharedMemory>();
}

ShareableList list_in(const SharedMemory& memory) {
  Writer writer;
  writer.put(memory);
  return Reader(writer.bytes(), writer.descriptors()).get<ShareableList>();
}

template <class Call>
void call_anyway(Call call) {
  try {
    call();
  } catch (const CodecError&) {
  } catch (const std::out_of_range&) {
  } catch (const std::invalid_argument&) {
  } catch (const ResourceError&) {  // a copy as large as the scribbler says
  }
}

TEST(ShareableListTest, WhoScribblesOverItOverrunsNothing) {
  std::mt19937 dice(1);
  for (int round = 0; round < 1'000; ++round) {
    const ShareableList list{1, "text", 2.5, std::string(30, 'x'), kBytes, true};
    const SharedMemory memory = memory_of(list);
    for (auto i = dice() % 8; i != 0; --i) {
      const std::size_t table = 0x40 + 6 * 16;
      const std::size_t at = dice() % (dice() % 4 == 0 ? memory.size() : table);
      memory.span()[at] = static_cast<std::byte>(dice() % 3 == 0 ? 255 : dice());
    }
    for (std::size_t i = 0; i < 6; ++i) {
      call_anyway([&] { list.get(i); });
      call_anyway([&] { list.set(i, std::string(dice() % 40, 'y')); });
      call_anyway([&] { list.get(i); });
    }
    call_anyway([&] { list.copy(); });
    call_anyway([&] { list_in(memory).get(dice() % 10); });
  }
}

TEST(ShareableListTest, AHandleOfOtherMemoryIsRefused) {
  EXPECT_THROW(list_in(SharedMemory::create(4096)), CodecError);
  EXPECT_THROW(list_in(SharedMemory::create(10)), CodecError);
  EXPECT_NO_THROW(list_in(memory_of(ShareableList{1})));
}

}  // namespace
}  // namespace shoal::test
