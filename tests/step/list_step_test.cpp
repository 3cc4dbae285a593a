// SPDX-License-Identifier: Apache-2.0
// A process is killed after every single instruction of setting an entry of a list: who reads it
// finds the old value or the new one.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shared/list_layout.hpp"
#include "step/step_test.hpp"

namespace shoal::shared {
namespace {

constexpr std::array<std::size_t, 2> kCapacities{24, 8};
constexpr std::string_view kOld = "an old value", kNew = "a new one, of more bytes";

bool set_text(const List& list, std::string_view text) {
  return list.set(0, ListKind::text, std::as_bytes(std::span(text)));
}

// What the doomed child and this process share.
struct Scene {
  Scene()
      : memory(
            static_cast<std::byte*>(::mmap(nullptr, list_bytes(kCapacities), PROT_READ | PROT_WRITE,
                                           MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)),
            list_bytes(kCapacities)),
        list(List::make(memory, kCapacities)) {}
  ~Scene() { ::munmap(memory.data(), memory.size()); }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  std::string text() const {
    const std::optional<ListValue> value = list.get(0);
    if (!value) return "none";
    return {reinterpret_cast<const char*>(value->bytes.data()), value->bytes.size()};
  }

  std::span<std::byte> memory;
  List list;
};

// The entry, and whether the next who sets it succeeds.
std::string state(Scene& scene) {
  const std::string text = scene.text();
  EXPECT_TRUE(set_text(scene.list, "next"));
  EXPECT_EQ(scene.text(), "next");
  return text == kOld ? "old" : text == kNew ? "new" : text;
}

using Operation = test::Operation<Scene>;

class ListStepTest : public test::StepTest<Scene> {};

TEST_P(ListStepTest, LeavesTheOldValueOrTheNewWhateverTheInstruction) { check(); }

INSTANTIATE_TEST_SUITE_P(, ListStepTest,
                         testing::Values(Operation{"text",
                                                   [](Scene& scene) { set_text(scene.list, kOld); },
                                                   [](Scene& scene) { set_text(scene.list, kNew); },
                                                   state,
                                                   {"old", "new"}},
                                         Operation{"another_type",
                                                   [](Scene& scene) {
                                                     constexpr std::array<std::byte, 8> kNumber{};
                                                     scene.list.set(0, ListKind::integer, kNumber);
                                                     set_text(scene.list, kOld);
                                                   },
                                                   [](Scene& scene) {
                                                     scene.list.set(0, ListKind::bytes,
                                                                    std::as_bytes(std::span(kNew)));
                                                   },
                                                   state,
                                                   {"old", "new"}}),
                         [](const auto& operation) { return operation.param.name; });

}  // namespace
}  // namespace shoal::shared
