// SPDX-License-Identifier: Apache-2.0
// The memory of Values and Arrays: what it says of itself is not believed.

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <shoal/array.hpp>
#include <shoal/error.hpp>
#include <shoal/process.hpp>
#include <shoal/queue.hpp>
#include <span>

#include "os/memfd.hpp"
#include "os/reserve.hpp"
#include "shared/object_layout.hpp"
#include "shared/value_layout.hpp"

namespace shoal::shared {
namespace {

struct Page {
  Page() { value().shape = {10, 8}; }
  ValuePage& value() { return *reinterpret_cast<ValuePage*>(bytes.data()); }
  std::span<std::byte> memory(std::size_t size) { return std::span(bytes).first(size); }

  alignas(64) std::array<std::byte, kElementsAt + 80> bytes{};
};

TEST(ValueMemoryTest, HoldsWhatItSays) {
  Page page;
  const auto view = ValueMemory::view(page.bytes);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->shape.count, 10U);
  EXPECT_EQ(view->elements(), page.bytes.data() + kElementsAt);
}

TEST(ValueMemoryTest, ThatIsTooSmallForWhatItSaysIsRefused) {
  Page page;
  EXPECT_FALSE(ValueMemory::view(page.memory(kElementsAt + 79)));
  EXPECT_FALSE(ValueMemory::view(page.memory(kElementsAt - 1)));
  EXPECT_FALSE(ValueMemory::view({}));
}

TEST(ValueMemoryTest, OfImpossibleNumbersIsRefused) {
  Page page;
  page.value().shape = {UINT64_MAX, 8};
  EXPECT_FALSE(ValueMemory::view(page.bytes));
  page.value().shape = {1ULL << 61, 8};  // the product would be 0
  EXPECT_FALSE(ValueMemory::view(page.bytes));
  page.value().shape = {10, 0};
  EXPECT_FALSE(ValueMemory::view(page.bytes));
  page.value().shape = {1, UINT64_MAX};
  EXPECT_FALSE(ValueMemory::view(page.bytes));
}

// Has a peer lie about an array's length: the other process must not believe it.
void forge(const Array<int>& array, std::uint64_t count) {
  std::byte* const page = reinterpret_cast<std::byte*>(array.data()) - kElementsAt;
  reinterpret_cast<ValuePage*>(page)->shape.count = count;
}

TEST(ValueMemoryTest, AForgedLengthIsRefusedByWhoReceivesTheHandle) {
  const Array<int> array(10);
  const Queue<Array<int>> handles;
  const Queue<bool> refused;
  forge(array, 100'000);
  handles.put(array);
  Process other(
      [](const Queue<Array<int>>& in, const Queue<bool>& out) {
        try {
          in.get();
          out.put(false);
        } catch (const CodecError&) {
          out.put(true);
        }
      },
      handles, refused);
  other.start();
  EXPECT_TRUE(refused.get());
  other.join();
}

TEST(ValueMemoryTest, IsThereBeforeItIsTouched) {
  const Array<char> array(1 << 20);
  Writer handle;
  handle.put(array);
  struct stat file;
  ASSERT_EQ(::fstat(handle.descriptors()[0]->get(), &file), 0);
  EXPECT_GE(static_cast<std::size_t>(file.st_blocks) * 512, array.size());
}

TEST(ValueMemoryTest, MoreThanThereIsIsNotLookedFor) {
  const os::Result<os::Fd> file = os::create_shared_file("test", 1ULL << 44);
  ASSERT_TRUE(file);
  const os::Result<void> reserved = os::reserve(file->get(), 1ULL << 44);
  ASSERT_FALSE(reserved);
  EXPECT_EQ(reserved.error().error, ENOMEM);
  EXPECT_LT(os::available_memory(), 1ULL << 44);
  EXPECT_GT(os::available_memory(), 1ULL << 20);
}

}  // namespace
}  // namespace shoal::shared
