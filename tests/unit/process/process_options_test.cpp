// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <type_traits>

#include "shoal/process.hpp"

namespace shoal {
namespace {

using namespace std::string_literals;

// What the constructor says about `options`; empty if it takes them.
std::string complaint(ProcessOptions options) {
  try {
    const Process process(std::move(options), [] {});
    return "";
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
}

TEST(ProcessOptionsTest, WrongOptionsAreNamedByTheirPath) {
  EXPECT_EQ(complaint({.name = "a\0b"s}), "ProcessOptions::name must not contain a NUL byte");
  EXPECT_TRUE(
      complaint({.environment = {{"", "x"}}}).starts_with("ProcessOptions::environment[\"\"]"));
  EXPECT_TRUE(complaint({.environment = {{"A=B", "x"}}})
                  .starts_with("ProcessOptions::environment[\"A=B\"]"));
  EXPECT_TRUE(
      complaint({.environment = {{"A\0B"s, "x"}}}).starts_with("ProcessOptions::environment"));
  EXPECT_EQ(complaint({.environment = {{"A", "x\0y"s}}}),
            "ProcessOptions::environment[\"A\"] must not contain a NUL byte");
}

TEST(ProcessOptionsTest, LimitsThatMakeNoSenseAreNamedByTheirPath) {
  using namespace std::chrono_literals;
  EXPECT_TRUE(complaint({.limits = {.memory = 5}}).starts_with("ProcessOptions::limits.memory "));
  EXPECT_TRUE(
      complaint({.limits = {.cpu_time = -1s}}).starts_with("ProcessOptions::limits.cpu_time "));
  EXPECT_TRUE(
      complaint({.limits = {.open_files = 15}}).starts_with("ProcessOptions::limits.open_files "));
  EXPECT_TRUE(
      complaint({.sandbox = static_cast<Sandbox>(7)}).starts_with("ProcessOptions::sandbox "));
  EXPECT_EQ(complaint({.limits = {.memory = 1 << 20, .cpu_time = 1ns, .open_files = 16}}), "");
}

TEST(ProcessOptionsTest, DefaultsNameTheProcessAndInheritTheDaemonFlag) {
  const Process process([] {});
  EXPECT_TRUE(process.name().starts_with("Process-"));
  EXPECT_FALSE(process.daemon());
}

TEST(ProcessOptionsTest, NamesCountUpwards) {
  const Process first([] {});
  const Process second([] {});
  EXPECT_NE(first.name(), second.name());
}

TEST(ProcessOptionsTest, NameCanBeChangedButNotToNonsense) {
  Process process({.name = "Anna"}, [] {});
  process.set_name("Bella");
  EXPECT_EQ(process.name(), "Bella");
  EXPECT_THROW(process.set_name("C\0lara"s), std::invalid_argument);
}

TEST(ProcessOptionsTest, NullFunctionIsRefused) {
  void (*nothing)() = nullptr;
  EXPECT_THROW(Process process(nothing), std::invalid_argument);
}

TEST(ProcessOptionsTest, ProgramNeedsAPathAndWholeArguments) {
  EXPECT_THROW(Process::program(""), std::invalid_argument);
  EXPECT_THROW(Process::program("a\0b"s), std::invalid_argument);
  EXPECT_THROW(Process::program("true", {"a\0b"s}), std::invalid_argument);
}

TEST(ProcessTest, MovesAndDoesNotCopy) {
  static_assert(std::is_nothrow_move_constructible_v<Process>);
  static_assert(std::is_nothrow_move_assignable_v<Process>);
  static_assert(!std::is_copy_constructible_v<Process>);
  Process process({.name = "Anna"}, [] {});
  const Process moved(std::move(process));
  EXPECT_EQ(moved.name(), "Anna");
  EXPECT_THROW(process.name(), std::logic_error);  // NOLINT(bugprone-use-after-move)
}

TEST(ProcessTest, UnstartedOneCanBeClosed) {
  Process process([] {});
  process.close();
  process.close();
  EXPECT_THROW(process.start(), std::exception);
}

}  // namespace
}  // namespace shoal
