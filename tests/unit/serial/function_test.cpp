// SPDX-License-Identifier: Apache-2.0
#include "shoal/function.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <stdexcept>

#include "shoal/error.hpp"

namespace shoal {
namespace {

using internal::CallTarget;
using internal::task_result_t;
using internal::TaskCallable;

// Sends the call to ourselves; the bytes of its result.
template <class... Call>
Writer send(Call&&... call) {
  Writer arguments;
  const CallTarget target = internal::encode_call(arguments, std::forward<Call>(call)...);
  Reader reader(arguments.bytes(), arguments.descriptors());
  Writer result;
  target.invoker(target.target, reader, result);
  return result;
}

template <class F, class... Args>
auto run(F&& fn, Args&&... args) {
  using Result = task_result_t<F, Args...>;
  const Writer result = send(std::forward<F>(fn), std::forward<Args>(args)...);
  Reader reader(result.bytes(), result.descriptors());
  Result value = reader.get<Result>();
  reader.finish();
  return value;
}

int add(int a, int b) { return a + b; }
int twice(int a) noexcept { return 2 * a; }
std::string join(const std::string& a, std::string&& b, std::string c) { return a + b + c; }
int take(std::unique_ptr<int> value) { return *value; }
std::unique_ptr<int> make(int value) { return std::make_unique<int>(value); }
const std::string& name() {
  static const std::string text = "static";
  return text;
}
void nothing() {}
void fail(int code) { throw std::out_of_range("code " + std::to_string(code)); }

struct Square {
  int operator()(int x) const { return x * x; }
};
struct Overloaded {
  int operator()(int x) const { return x; }
  std::string operator()(const std::string& x) const { return x; }
};
struct Stateful {
  int offset = 1;
  int operator()(int x) const { return x + offset; }
};

TEST(FunctionTest, FunctionPointersAreCalled) {
  EXPECT_EQ(run(add, 1, 2), 3);
  EXPECT_EQ(run(&add, 1, 2), 3);
  int (*const pointer)(int, int) = add;
  EXPECT_EQ(run(pointer, 1, 2), 3);
}

TEST(FunctionTest, NoexceptFunctionsAreCalled) { EXPECT_EQ(run(twice, 4), 8); }

TEST(FunctionTest, CapturelessLambdasAreCalled) {
  EXPECT_EQ(run([](int x) { return x + 1; }, 1), 2);
  EXPECT_EQ(run([](int x) noexcept { return x + 1; }, 1), 2);
  EXPECT_EQ(run([](int x) mutable { return ++x; }, 1), 2);
}

TEST(FunctionTest, StatelessObjectsAreCalled) {
  EXPECT_EQ(run(Square(), 5), 25);
  EXPECT_EQ(run(std::plus<int>(), 2, 3), 5);
  EXPECT_EQ(run(std::plus<>(), 2, 3), 5);
}

TEST(FunctionTest, ParametersOfEveryFormAreGivenTheirArguments) {
  EXPECT_EQ(run(join, "a", std::string("b"), "c"), "abc");
}

TEST(FunctionTest, MoveOnlyValuesTravel) {
  EXPECT_EQ(run(take, std::make_unique<int>(7)), 7);
  EXPECT_EQ(*run(make, 7), 7);
}

TEST(FunctionTest, AMoveOnlyArgumentStaysWithTheCaller) {
  const auto mine = std::make_unique<int>(7);
  EXPECT_EQ(run(take, mine), 7);
  EXPECT_EQ(*mine, 7);
}

TEST(FunctionTest, ArgumentsAreConvertedByTheCaller) {
  Writer arguments;
  internal::encode_call(arguments, add, 'a', 2.0);
  EXPECT_EQ(arguments.bytes().size(), 2 * sizeof(int));
  EXPECT_EQ(run(add, 'a', 2.0), 'a' + 2);
}

TEST(FunctionTest, AReferenceResultIsCopied) { EXPECT_EQ(run(name), "static"); }

TEST(FunctionTest, AVoidResultIsNoBytes) { EXPECT_TRUE(send(nothing).bytes().empty()); }

TEST(FunctionTest, ArgumentsAreDecodedInTheirOrder) {
  EXPECT_EQ(run(
                [](char a, char b, char c, char d) {
                  return std::string{a, b, c, d};
                },
                'a', 'b', 'c', 'd'),
            "abcd");
}

TEST(FunctionTest, GenericLambdasTakeTheDecayedArguments) {
  const int seven = 7;
  EXPECT_EQ(run([](auto a, const auto& b) { return a + std::to_string(b); }, "n", seven), "n7");
  EXPECT_EQ(run(Overloaded(), "text"), "text");
}

TEST(FunctionTest, ExceptionsPassThrough) {
  Writer arguments;
  const CallTarget target = internal::encode_call(arguments, fail, 3);
  Reader reader(arguments.bytes());
  Writer result;
  EXPECT_THROW(target.invoker(target.target, reader, result), std::out_of_range);
}

TEST(FunctionTest, BytesLeftOverAreRefusedBeforeTheCall) {
  static int calls = 0;
  Writer arguments;
  const CallTarget target = internal::encode_call(
      arguments, [](int) { ++calls; }, 3);
  arguments.put('x');
  Reader reader(arguments.bytes());
  Writer result;
  EXPECT_THROW(target.invoker(target.target, reader, result), CodecError);
  EXPECT_EQ(calls, 0);
}

TEST(FunctionTest, ANullPointerIsRefused) {
  Writer arguments;
  int (*const none)(int) = nullptr;
  EXPECT_THROW(internal::encode_call(arguments, none, 1), std::invalid_argument);
}

TEST(FunctionTest, TargetsSayWhatTheyAre) {
  Writer arguments;
  const CallTarget function = internal::encode_call(arguments, add, 1, 2);
  const CallTarget lambda = internal::encode_call(
      arguments, [](int) {}, 1);
  EXPECT_EQ(function.target, reinterpret_cast<std::uintptr_t>(&add));
  EXPECT_STREQ(function.type_name, "int (*)(int, int)");
  EXPECT_EQ(lambda.target, 0u);
  EXPECT_NE(std::string(lambda.type_name).find("lambda"), std::string::npos) << lambda.type_name;
  EXPECT_NE(function.type_hash, lambda.type_hash);
}

TEST(FunctionTest, FunctionsOfOneSignatureShareAnInvoker) {
  Writer arguments;
  const auto other = +[](int a, int b) { return a * b; };
  const CallTarget first = internal::encode_call(arguments, add, 1, 2);
  const CallTarget second = internal::encode_call(arguments, other, 1, 2);
  EXPECT_EQ(first.invoker, second.invoker);
  EXPECT_EQ(first.type_hash, second.type_hash);
  EXPECT_NE(first.target, second.target);
}

// --- bind --------------------------------------------------------------------------------------

TEST(BindTest, BoundArgumentsAreTheFirstOnes) {
  EXPECT_EQ(run(shoal::bind(join, "a", "b"), "c"), "abc");
  EXPECT_EQ(run(shoal::bind(add, 1, 2)), 3);
  EXPECT_EQ(run(shoal::bind(shoal::bind(join, "a"), "b"), "c"), "abc");
}

TEST(BindTest, ACopyIsTheSameCall) {
  const auto first = shoal::bind(add, 1);
  const auto second = first;
  EXPECT_EQ(run(first, 2), 3);
  EXPECT_EQ(run(second, 2), 3);
}

TEST(BindTest, HoldsMoveOnlyValues) {
  const auto bound = shoal::bind(take, std::make_unique<int>(5));
  EXPECT_EQ(run(bound), 5);
  EXPECT_EQ(run(bound), 5);
}

TEST(BindTest, KeepsCharactersAsAString) {
  auto bound = [] {
    char text[] = "local";
    return shoal::bind([](auto value) { return value; }, text);
  }();
  EXPECT_EQ(run(bound), "local");
}

TEST(BindTest, CanBeCalledHere) {
  EXPECT_EQ(shoal::bind(add, 1)(2), 3);
  EXPECT_EQ(shoal::bind([](int a) { return a; }, 1)(), 1);
}

TEST(BoundTaskTest, IsEmptyByDefault) { EXPECT_FALSE(BoundTask()); }

TEST(BoundTaskTest, HoldsAWholeCall) {
  const BoundTask task = shoal::bind(add, 1, 2);
  ASSERT_TRUE(task);
  const BoundTask copy = task;
  Reader reader(copy.arguments().bytes());
  Writer result;
  copy.target().invoker(copy.target().target, reader, result);
  EXPECT_EQ(Reader(result.bytes()).get<int>(), 3);
}

TEST(BoundTaskTest, TakesAPlainFunction) {
  EXPECT_TRUE(BoundTask(nothing));
  EXPECT_TRUE(BoundTask([] {}));
  static_assert(!std::is_convertible_v<decltype(add)&, BoundTask>, "two arguments are missing");
}

// --- what is refused, to be asked without an error ---------------------------------------------

TEST(TaskCallableTest, AnswersForFunctions) {
  static_assert(TaskCallable<decltype(add)&, int, int>);
  static_assert(TaskCallable<decltype(add)*, int&, const double&>);
  static_assert(TaskCallable<decltype(shoal::bind(add, 1)), int>);
  static_assert(!TaskCallable<decltype(add)&, int>);
  static_assert(!TaskCallable<decltype(add)&, int, std::string>);
  static_assert(!TaskCallable<decltype(shoal::bind(add, 1)), int, int>);
}

TEST(TaskCallableTest, AnswersForWhatCannotTravel) {
  int captured = 1;
  auto capturing = [captured](int x) { return x + captured; };
  static_assert(!TaskCallable<decltype(capturing), int>);
  static_assert(!TaskCallable<Stateful, int>);
  static_assert(!TaskCallable<std::function<int(int)>, int>);
  static_assert(!TaskCallable<decltype(&Square::operator()), Square, int>);
  static_assert(!TaskCallable<void (*)(int&), int&>);
  static_assert(!TaskCallable<int* (*)(int), int>);
  static_assert(!TaskCallable<int (*)(const char*), const char*>);
  static_assert(!TaskCallable<int, int>);
}

TEST(TaskCallableTest, KnowsTheResult) {
  static_assert(std::is_same_v<task_result_t<decltype(add)&, int, int>, int>);
  static_assert(std::is_same_v<task_result_t<decltype(name)&>, std::string>);
  static_assert(std::is_void_v<task_result_t<decltype(nothing)&>>);
  static_assert(std::is_same_v<task_result_t<Overloaded, const char*>, std::string>);
}

}  // namespace
}  // namespace shoal
