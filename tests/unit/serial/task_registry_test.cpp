// SPDX-License-Identifier: Apache-2.0
#include "shoal/task_registry.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "shoal/error.hpp"

namespace shoal {
namespace {

int add(int a, int b) { return a + b; }
int subtract(int a, int b) { return a - b; }
std::string greet(const std::string& name) { return "hello " + name; }
void nothing() {}
void fail() { throw std::out_of_range("beyond"); }

struct Square {
  int operator()(int x) const { return x * x; }
};
struct Size {
  int width;
  int height;
};
struct Box {
  Size size;
  std::vector<Box> inside;
};
int count(const Box& box) { return static_cast<int>(box.inside.size()); }

// What a caller in another program sends, and what it gets.
template <class R, class... Args>
R call(const TaskRegistry& tasks, std::string_view name, Args&&... args) {
  Writer message;
  encode_named_call<R>(message, name, std::forward<Args>(args)...);
  Reader reader(message.bytes(), message.descriptors());
  Writer result;
  tasks.call(reader, result);
  Reader value(result.bytes(), result.descriptors());
  if constexpr (!std::is_void_v<R>) return value.get<R>();
}

template <class F>
std::string what_of(F fn) {
  try {
    fn();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(TaskRegistryTest, FindsWhatWasAdded) {
  TaskRegistry tasks;
  tasks.add("demo.add", add, {"x", "y"});
  const RegisteredTask* const task = tasks.find("demo.add");
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(task->name(), "demo.add");
  EXPECT_EQ(task->arity(), 2u);
  EXPECT_EQ(task->parameter_names(), (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(task->signature(), "int(int, int)");
  EXPECT_EQ(tasks.find("demo.ad"), nullptr);
  EXPECT_EQ(tasks.find(""), nullptr);
}

TEST(TaskRegistryTest, TakesFunctionsOfEveryKind) {
  TaskRegistry tasks;
  tasks.add("pointer", &greet);
  tasks.add("lambda", [](double x) { return 2 * x; });
  tasks.add("object", Square());
  tasks.add("void", nothing);
  EXPECT_EQ(call<std::string>(tasks, "pointer", "you"), "hello you");
  EXPECT_EQ(call<double>(tasks, "lambda", 1.5), 3);
  EXPECT_EQ(call<int>(tasks, "object", 4), 16);
  EXPECT_NO_THROW(call<void>(tasks, "void"));
  EXPECT_EQ(tasks.find("pointer")->signature(), "std::string(std::string)");
  EXPECT_TRUE(tasks.find("pointer")->parameter_names().empty());
}

TEST(TaskRegistryTest, NamesAreSorted) {
  TaskRegistry tasks;
  for (const char* name : {"m", "z", "a", "k", "b"}) tasks.add(name, add);
  EXPECT_EQ(tasks.names(), (std::vector<std::string>{"a", "b", "k", "m", "z"}));
  EXPECT_TRUE(TaskRegistry().names().empty());
}

TEST(TaskRegistryTest, TheSameAgainDoesNothing) {
  TaskRegistry tasks;
  tasks.add("demo.add", add, {"x", "y"});
  const RegisteredTask* const task = tasks.find("demo.add");
  tasks.add("demo.add", add, {"x", "y"});
  EXPECT_EQ(tasks.find("demo.add"), task);
  EXPECT_EQ(tasks.names().size(), 1u);
}

TEST(TaskRegistryTest, ANameStaysWithItsFunction) {
  TaskRegistry tasks;
  tasks.add("demo.add", add, {"x", "y"});
  EXPECT_THROW(tasks.add("demo.add", subtract, {"x", "y"}), std::invalid_argument);
  EXPECT_THROW(tasks.add("demo.add", add, {"a", "b"}), std::invalid_argument);
  EXPECT_THROW(tasks.add("demo.add", Square()), std::invalid_argument);
  const std::string what = what_of([&] { tasks.add("demo.add", subtract); });
  EXPECT_TRUE(holds(what, "demo.add") && holds(what, "int(int, int)")) << what;
  EXPECT_EQ(call<int>(tasks, "demo.add", 5, 3), 8);
}

TEST(TaskRegistryTest, RefusesWhatCannotBeNamed) {
  TaskRegistry tasks;
  EXPECT_THROW(tasks.add("", add), std::invalid_argument);
  EXPECT_THROW(tasks.add("null", static_cast<int (*)(int)>(nullptr)), std::invalid_argument);
  EXPECT_TRUE(tasks.names().empty());
}

TEST(TaskRegistryTest, ParametersAreNamedAllOrNone) {
  TaskRegistry tasks;
  const std::string what = what_of([&] { tasks.add("demo.add", add, {"x"}); });
  EXPECT_TRUE(holds(what, "demo.add") && holds(what, "takes 2")) << what;
  EXPECT_THROW(tasks.add("demo.add", add, {"x", "y", "z"}), std::invalid_argument);
  EXPECT_THROW(tasks.add("demo.add", add, {"x", "x"}), std::invalid_argument);
  EXPECT_THROW(tasks.add("demo.add", add, {"x", ""}), std::invalid_argument);
  EXPECT_TRUE(tasks.names().empty());
}

TEST(TaskRegistryTest, ManyTasksAreAllFound) {
  TaskRegistry tasks;
  for (int i = 0; i < 1000; ++i) tasks.add("task" + std::to_string(i * 7919 % 1000), add);
  EXPECT_EQ(tasks.names().size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_NE(tasks.find("task" + std::to_string(i)), nullptr) << i;
}

TEST(TaskRegistryTest, ManyThreadsMayAddAndFind) {
  TaskRegistry tasks;
  tasks.add("first", add);
  const RegisteredTask* const first = tasks.find("first");
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&tasks, first, t] {
      for (int i = 0; i < 200; ++i) {
        tasks.add("common" + std::to_string(i), add);
        tasks.add(std::to_string(t) + "." + std::to_string(i), add);
        ASSERT_EQ(tasks.find("first"), first);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(tasks.names().size(), 1 + 200 + 3 * 200u);
}

TEST(TaskRegistryTest, AllOfAnotherAreAddedOrNone) {
  TaskRegistry tasks;
  tasks.add("taken", add);
  TaskRegistry other;
  other.add("new", add);
  other.add("taken", subtract);
  EXPECT_THROW(tasks.add_all(other), std::invalid_argument);
  EXPECT_EQ(tasks.find("new"), nullptr);
  TaskRegistry fine;
  fine.add("new", add);
  fine.add("taken", add);
  tasks.add_all(fine);
  EXPECT_EQ(tasks.names(), (std::vector<std::string>{"new", "taken"}));
}

TEST(TaskRegistryTest, RegisterTaskIsForTheWholeProcess) {
  register_task("registry_test.add", add, {"x", "y"});
  const RegisteredTask* const task = task_registry().find("registry_test.add");
  ASSERT_NE(task, nullptr);
  EXPECT_EQ(call<int>(task_registry(), "registry_test.add", 2, 3), 5);
}

// --- calls from other programs -----------------------------------------------------------------

TEST(NamedCallTest, ExceptionsPassThrough) {
  TaskRegistry tasks;
  tasks.add("fail", fail);
  EXPECT_THROW(call<void>(tasks, "fail"), std::out_of_range);
}

TEST(NamedCallTest, AnUnknownTaskIsNamed) {
  const TaskRegistry tasks;
  EXPECT_THROW(call<int>(tasks, "demo.add", 1, 2), CodecError);
  const std::string what = what_of([&] { call<int>(tasks, "demo.add", 1, 2); });
  EXPECT_TRUE(holds(what, "demo.add") && holds(what, "int(int, int)")) << what;
}

TEST(NamedCallTest, OtherTypesAreRefusedNamingBothSignatures) {
  TaskRegistry tasks;
  tasks.add("demo.add", add);
  EXPECT_THROW(call<int>(tasks, "demo.add", 1), CodecError);
  EXPECT_THROW(call<int>(tasks, "demo.add", 1, 2, 3), CodecError);
  EXPECT_THROW(call<int>(tasks, "demo.add", 1, 2u), CodecError);
  EXPECT_THROW(call<long>(tasks, "demo.add", 1, 2), CodecError);
  EXPECT_THROW(call<void>(tasks, "demo.add", 1, 2), CodecError);
  const std::string what = what_of([&] { call<double>(tasks, "demo.add", 1, "two"); });
  EXPECT_TRUE(holds(what, "int(int, int)") && holds(what, "double(int, std::string)")) << what;
}

TEST(NamedCallTest, ACallCutShortIsRefused) {
  TaskRegistry tasks;
  tasks.add("demo.add", add);
  Writer message;
  encode_named_call<int>(message, "demo.add", 1, 2);
  for (std::size_t size = 0; size < message.bytes().size(); ++size) {
    Reader reader(message.bytes().first(size));
    Writer result;
    EXPECT_THROW(tasks.call(reader, result), CodecError) << size;
  }
  message.put('x');
  Reader reader(message.bytes());
  Writer result;
  EXPECT_THROW(tasks.call(reader, result), CodecError);
}

TEST(NamedCallTest, TheTypesOfACallAreToldInWords) {
  const internal::TaskTypes types = internal::describe_types<int, Box, std::vector<std::string>>();
  EXPECT_EQ(types.parameters.size(), 2u);
  EXPECT_EQ(types.result.name, "int");
  ASSERT_EQ(types.definitions.size(), 2u);  // a Box within a Box is named only
  EXPECT_TRUE(holds(types.definitions[0].name, "Box"));
  EXPECT_TRUE(holds(types.definitions[1].name, "Size"));
  EXPECT_EQ(types.definitions[1].members, "int, int");
  TaskRegistry tasks;
  tasks.add("count", count);
  EXPECT_TRUE(holds(tasks.find("count")->signature(), "Box)"));
}

TEST(NamedCallTest, TwoDefinitionsOfOneNameAreBothShown) {
  const internal::TaskTypes here{{{"Shape", 1}}, {"int", 9}, {{"Shape", "int, int"}}};
  const internal::TaskTypes there{{{"Shape", 2}}, {"int", 9}, {{"Shape", "double"}}};
  EXPECT_NO_THROW(internal::check_types("demo.area", here, here));
  const std::string what = what_of([&] { internal::check_types("demo.area", here, there); });
  EXPECT_TRUE(holds(what, "demo.area") && holds(what, "Shape is {int, int}")) << what;
  EXPECT_TRUE(holds(what, "{double}")) << what;
}

}  // namespace
}  // namespace shoal
