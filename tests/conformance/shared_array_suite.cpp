// SPDX-License-Identifier: Apache-2.0
// What shared arrays promise, between threads and between processes of every start method.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <numeric>
#include <optional>
#include <shoal/connection.hpp>
#include <shoal/error.hpp>
#include <shoal/event.hpp>
#include <shoal/shared_array.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

#include "conformance/memory_holders.hpp"
#include "conformance/parties.hpp"
#include "support/leak_guard.hpp"

namespace shoal::test {
namespace {

constexpr const char* kName = "shoal-array";

struct Point {
  double x = 0;
  std::array<int, 2> y{};
};

// --- in one process -----------------------------------------------------------------------------

TEST(SharedArrayTest, IsMadeOfASizeAValueAListOrARange) {
  const SharedArray<int> zeros(5);
  EXPECT_EQ(std::vector<int>(zeros.begin(), zeros.end()), std::vector<int>(5, 0));
  const SharedArray<int> sevens(3, 7);
  EXPECT_EQ(std::vector<int>(sevens.begin(), sevens.end()), std::vector<int>(3, 7));
  const SharedArray<int> listed{1, 2, 3};
  EXPECT_EQ(listed[2], 3);
  const std::vector<double> numbers{0.5, 1.5};
  const SharedArray copied(numbers);
  static_assert(std::is_same_v<decltype(copied), const SharedArray<double>>);
  EXPECT_EQ(copied.at(1), 1.5);
  EXPECT_EQ(get_context(StartMethod::spawn).shared_array<Point>(4).size(), 4u);
}

TEST(SharedArrayTest, CopiesAreTheSameArray) {
  const SharedArray<int> array(2);
  SharedArray<int> copy = array;
  copy[1] = 5;
  EXPECT_EQ(array[1], 5);
  SharedArray<int> moved = std::move(copy);
  EXPECT_EQ(moved.data(), array.data());
  copy = SharedArray<int>(1);
  EXPECT_EQ(copy.size(), 1u);
}

TEST(SharedArrayTest, AnIndexBeyondItsEndIsRefused) {
  const SharedArray<int> array(2);
  EXPECT_THROW(array.at(2), std::out_of_range);
  EXPECT_EQ(array.at(1), 0);
  EXPECT_THROW(SharedArray<int>().at(0), std::out_of_range);
}

TEST(SharedArrayTest, WhatNoMemoryHasRoomForIsAResourceError) {
  const LeakGuard guard;
  EXPECT_THROW(SharedArray<int>(std::size_t{1} << 62), ResourceError);
  EXPECT_THROW(SharedArray<char>(std::size_t{1} << 50), ResourceError);
  try {
    const SharedArray<char> array(std::size_t{1} << 50);
  } catch (const ResourceError& error) {
    EXPECT_EQ(error.code(), std::errc::not_enough_memory);
    EXPECT_NE(std::string(error.what()).find("1125899906842624 bytes"), std::string::npos)
        << error.what();
  }
}

TEST(SharedArrayTest, WithoutADescriptorItIsAResourceError) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const SharedArray<int> first(1);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_THROW(SharedArray<int>(1), ResourceError);
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(SharedArrayTest, ItsMemoryIsReservedWithIt) {
  const SharedArray<char> array(std::size_t{8} << 20);
  Writer writer;
  writer.put(array);
  struct stat status {};
  ASSERT_EQ(::fstat(writer.descriptors().front()->get(), &status), 0);
  EXPECT_GE(static_cast<std::size_t>(status.st_blocks) * 512, array.size());
}

TEST(SharedArrayTest, NothingIsLeftOfIt) {
  std::uint64_t inode = 0;
  static_cast<void>(SharedArray<int>(1));
  const LeakGuard guard;
  {
    const SharedArray<int> array(1000);
    inode = inode_at(array.data());
    EXPECT_EQ(count_holders(kName, inode), 1);
  }
  EXPECT_EQ(count_holders(kName, inode), 0);
}

// Who holds the descriptor cannot take memory away beneath the others.
TEST(SharedArrayTest, APeerCanZeroItButNotShrinkIt) {
  const SharedArray<char> array(8192, 'x');
  Writer writer;
  writer.put(array);
  const int fd = writer.descriptors().front()->get();
  EXPECT_EQ(::ftruncate(fd, 0), -1);
  EXPECT_EQ(errno, EPERM);
  EXPECT_EQ(::ftruncate(fd, 1 << 20), -1);
  ASSERT_EQ(::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
  EXPECT_EQ(array[0], '\0');
  EXPECT_EQ(array[4096], 'x');
}

TEST(SharedArrayTest, ACopyByForkIsRefused) {
  const SharedArray<int> array(4);
  const SharedArray<int> empty;
  const pid_t child = ::fork();
  if (child == 0) {
    int refused = 0;
    Writer writer;
    const auto expect_refused = [&](auto call) {
      try {
        call();
      } catch (const ClosedError&) {
        ++refused;
      }
    };
    expect_refused([&] { static_cast<void>(array.span()); });
    expect_refused([&] { array[0] = 1; });
    expect_refused([&] { static_cast<void>(empty.size()); });
    expect_refused([&] { writer.put(array); });
    ::_exit(refused);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 4);
}

// --- handles from strangers ---------------------------------------------------------------------

using Descriptors = std::vector<std::shared_ptr<const UniqueFd>>;

std::shared_ptr<const UniqueFd> own(int fd) { return std::make_shared<const UniqueFd>(fd); }

int make_memfd(std::size_t bytes, int seals) {
  const int fd = ::memfd_create("shoal-array", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (::ftruncate(fd, static_cast<off_t>(bytes)) != 0) return -1;
  if (seals != 0 && ::fcntl(fd, F_ADD_SEALS, seals) != 0) return -1;
  return fd;
}

// A handle of 1024 ints as a stranger may write it.
class ForgedHandle {
 public:
  static constexpr std::size_t kBytes = 4096;

  explicit ForgedHandle(std::uint64_t bytes = kBytes) {
    for (const std::uint64_t word : {std::uint64_t{11}, std::uint64_t{22}, bytes, type_hash<int>()})
      writer_.put(word);
    writer_.put(std::uint32_t{0});
  }

  SharedArray<int> decode(int fd) const {
    const Descriptors descriptors{own(fd)};
    Reader reader(writer_.bytes(), descriptors);
    return reader.get<SharedArray<int>>();
  }

 private:
  Writer writer_;
};

constexpr int kSealed = F_SEAL_SHRINK | F_SEAL_GROW;

TEST(SharedArrayHandleTest, AFileThatIsWhatItShouldBeIsTaken) {
  EXPECT_EQ(ForgedHandle().decode(make_memfd(ForgedHandle::kBytes, kSealed)).size(), 1024u);
}

TEST(SharedArrayHandleTest, ADescriptorOfAnythingElseIsRefused) {
  const LeakGuard guard;
  const ForgedHandle handle;
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  EXPECT_THROW(handle.decode(ends[0]), CodecError);
  EXPECT_THROW(handle.decode(ends[1]), CodecError);
  std::FILE* const file = std::tmpfile();
  ASSERT_EQ(::ftruncate(::fileno(file), ForgedHandle::kBytes), 0);
  EXPECT_THROW(handle.decode(::dup(::fileno(file))), CodecError);
  std::fclose(file);
  EXPECT_THROW(handle.decode(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), CodecError);
  EXPECT_THROW(handle.decode(::open("/dev/zero", O_RDWR | O_CLOEXEC)), CodecError);
}

TEST(SharedArrayHandleTest, AFileOfAnotherSizeOrShapeIsRefused) {
  const LeakGuard guard;
  const ForgedHandle handle;
  EXPECT_THROW(handle.decode(make_memfd(ForgedHandle::kBytes, 0)), CodecError) << "unsealed";
  EXPECT_THROW(handle.decode(make_memfd(ForgedHandle::kBytes, F_SEAL_GROW)), CodecError);
  EXPECT_THROW(handle.decode(make_memfd(ForgedHandle::kBytes / 2, kSealed)), CodecError);
  EXPECT_THROW(handle.decode(make_memfd(ForgedHandle::kBytes * 2, kSealed)), CodecError);
  EXPECT_THROW(handle.decode(make_memfd(ForgedHandle::kBytes, kSealed | F_SEAL_WRITE)), CodecError);
  const UniqueFd writable(make_memfd(ForgedHandle::kBytes, kSealed));
  const std::string path = "/proc/self/fd/" + std::to_string(writable.get());
  EXPECT_THROW(handle.decode(::open(path.c_str(), O_RDONLY | O_CLOEXEC)), CodecError);
  EXPECT_THROW(ForgedHandle(4095).decode(make_memfd(4095, kSealed)), CodecError);
  EXPECT_THROW(ForgedHandle(std::uint64_t{1} << 63).decode(make_memfd(4096, kSealed)), CodecError);
}

TEST(SharedArrayHandleTest, ACutMessageIsRefused) {
  const SharedArray<int> array{1, 2, 3};
  Writer writer;
  writer.put(array);
  for (std::size_t size = 0; size < writer.bytes().size(); ++size) {
    Reader reader(writer.bytes().first(size), writer.descriptors());
    EXPECT_THROW(reader.get<SharedArray<int>>(), CodecError) << size;
  }
  Reader without(writer.bytes());
  EXPECT_THROW(without.get<SharedArray<int>>(), CodecError) << "no descriptor came";
}

TEST(SharedArrayHandleTest, ElementsOfAnotherTypeAreRefused) {
  Writer writer;
  writer.put(SharedArray<int>(4));
  writer.put(SharedArray<int>());
  Reader reader(writer.bytes(), writer.descriptors());
  EXPECT_THROW(reader.get<SharedArray<float>>(), CodecError);
}

// Nobody passes his own memory off as an array that is here.
TEST(SharedArrayHandleTest, AKnownNameWithAnotherFileIsRefused) {
  const SharedArray<int> array(1024);
  Writer writer;
  writer.put(array);
  const Descriptors other{own(make_memfd(4096, kSealed))};
  Reader reader(writer.bytes(), other);
  EXPECT_THROW(reader.get<SharedArray<int>>(), CodecError);
  Reader again(writer.bytes(), writer.descriptors());
  EXPECT_EQ(again.get<SharedArray<int>>().data(), array.data());
}

TEST(SharedArrayHandleTest, OneWhoseArrayIsGoneIsMappedAnew) {
  auto array = std::make_optional<SharedArray<int>>({1, 2, 3});
  Writer writer;
  writer.put(*array);
  array.reset();
  Reader reader(writer.bytes(), writer.descriptors());
  EXPECT_EQ(reader.get<SharedArray<int>>()[2], 3);
}

// --- in several processes -----------------------------------------------------------------------

class SharedArraySuite : public PartySuite {};

TEST_P(SharedArraySuite, IsTheSameMemoryForAll) {
  const SharedArray<int> array(1000);
  array[0] = 41;
  Party other = start(
      [](const SharedArray<int>& same) {
        if (same[0] != 41 || same.size() != 1000) throw std::logic_error("another array");
        std::iota(same.begin(), same.end(), 0);
      },
      array);
  EXPECT_TRUE(other.join());
  EXPECT_EQ(std::accumulate(array.begin(), array.end(), 0), 499'500);
}

TEST_P(SharedArraySuite, WhatComesBackIsTheOneThatIsHere) {
  const SharedArray<Point> array(10);
  const Queue<SharedArray<Point>> queue;
  const auto [near, far] = pipe();
  const auto give_back = [](const std::vector<SharedArray<Point>>& both,
                            const Queue<SharedArray<Point>>& out, const Connection& line) {
    if (both[0].data() != both[1].data()) throw std::logic_error("two maps of one array");
    both[0][3].y[1] = 7;
    out.put(both[1]);
    line.send(std::pair(both[0], 5));
  };
  Party other = start(give_back, std::vector{array, array}, queue, far);
  EXPECT_EQ(queue.get().data(), array.data());
  EXPECT_EQ((near.recv<std::pair<SharedArray<Point>, int>>().first.data()), array.data());
  EXPECT_TRUE(other.join());
  EXPECT_EQ(array[3].y[1], 7);
}

TEST_P(SharedArraySuite, MayBeEmpty) {
  const SharedArray<double> empty;
  const Queue<SharedArray<double>> queue;
  Party other = start(
      [](const SharedArray<double>& same, const Queue<SharedArray<double>>& out) { out.put(same); },
      empty, queue);
  EXPECT_TRUE(queue.get().empty());
  EXPECT_TRUE(other.join());
}

TEST_P(SharedArraySuite, OutlivesWhoMadeIt) {
  const Queue<SharedArray<int>> queue;
  Party maker =
      start([](const Queue<SharedArray<int>>& out) { out.put(SharedArray<int>(100, 3)); }, queue);
  EXPECT_TRUE(maker.join());
  const SharedArray<int> array = queue.get();
  EXPECT_EQ(std::accumulate(array.begin(), array.end(), 0), 300);
}

// What is killed lets go of its memory: the kernel counts.
class SharedArrayDeathSuite : public ProcessPartySuite {};

void hold(const SharedArray<char>& array, const Event& is_held) {
  array[0] = 'x';
  is_held.set();
  for (;;) ::pause();
}

TEST_P(SharedArrayDeathSuite, ItsMemoryGoesWithTheLastHolderAlsoAKilledOne) {
  const Event is_held;
  std::uint64_t inode = 0;
  std::optional<Party> holder;
  {
    const SharedArray<char> array(std::size_t{1} << 20);
    inode = inode_at(array.data());
    holder.emplace(start(hold, array, is_held));
    is_held.wait();
  }
  EXPECT_GE(count_holders(kName, inode), 1);
  holder->process().kill();
  holder->process().join();
  await_holders(kName, inode, 0);
}

TEST_P(SharedArrayDeathSuite, WhatAKilledWriterWroteStays) {
  const SharedArray<char> array(std::size_t{1} << 20);
  const Event is_held;
  Party holder = start(hold, array, is_held);
  is_held.wait();
  holder.process().kill();
  holder.process().join();
  EXPECT_EQ(array[0], 'x');
}

SHOAL_FOR_EACH_HOME(SharedArraySuite);
SHOAL_FOR_EACH_PROCESS_HOME(SharedArrayDeathSuite);

}  // namespace
}  // namespace shoal::test
