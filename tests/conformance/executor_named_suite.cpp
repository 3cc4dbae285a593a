// SPDX-License-Identifier: Apache-2.0
// Tasks by name, and functions of libraries that are loaded while a pool runs.

#include <dlfcn.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>

#include "conformance/executor_suite.hpp"
#include "programs/task_module.hpp"  // here a Shape is what module 2 takes for one

namespace shoal::test {
namespace {

namespace fs = std::filesystem;

int add(int a, int b) { return a + b; }
std::string greet(const std::string& name) { return "hello " + name; }
void fail() { throw std::out_of_range("beyond"); }

fs::path module_path(int number) {
  return fs::path(SHOAL_TEST_PROGRAMS) / ("task_module_" + std::to_string(number) + ".so");
}

// A library of its own, which may be replaced while it is loaded.
class ChangingLibrary {
 public:
  explicit ChangingLibrary(const fs::path& from)
      : folder_(fs::temp_directory_path() / ("shoal-changing-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
    fs::copy_file(from, path());
  }
  ChangingLibrary(const ChangingLibrary&) = delete;
  ChangingLibrary& operator=(const ChangingLibrary&) = delete;
  ~ChangingLibrary() { fs::remove_all(folder_); }

  fs::path path() const { return folder_ / "library.so"; }
  void replace(const fs::path& with) const {
    fs::copy_file(with, folder_ / "new");
    fs::rename(folder_ / "new", path());
  }

 private:
  fs::path folder_;
};

class ExecutorNamedSuite : public ExecutorSuite {};

using Number = int (*)(int);

Number load_number(const fs::path& library) {
  void* const handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw std::runtime_error(::dlerror());
  return reinterpret_cast<Number>(::dlsym(handle, "shoal_test_module_number"));
}

TEST_P(ExecutorNamedSuite, RunsTasksByName) {
  register_task("named.add", add, {"x", "y"});
  register_task("named.greet", greet);
  register_task("named.fail", fail);
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_EQ(pool.submit<int>("named.add", 2, 3).get(), 5);
  EXPECT_EQ(pool.submit<std::string>("named.greet", "you").get(), "hello you");
  EXPECT_THROW(pool.submit<void>("named.fail").get(), std::out_of_range);
}

TEST_P(ExecutorNamedSuite, RefusesANameThatNobodyRegistered) {
  ProcessPoolExecutor pool = make_pool(1);
  try {
    pool.submit<int>("named.nothing", 1);
    FAIL() << "there is no such task";
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("named.nothing"), std::string::npos) << error.what();
  }
  EXPECT_EQ(pool.submit(add, 1, 1).get(), 2);
}

TEST_P(ExecutorNamedSuite, RefusesOtherTypesForANamedTask) {
  register_task("named.add", add, {"x", "y"});
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_THROW(pool.submit<int>("named.add", 2), CodecError);
  EXPECT_THROW(pool.submit<int>("named.add", 2, 3.0), CodecError);
  EXPECT_THROW(pool.submit<long>("named.add", 2, 3), CodecError);
  EXPECT_EQ(pool.submit<int>("named.add", 2, 3).get(), 5);
}

TEST_P(ExecutorNamedSuite, RunsTasksOfAModuleThatIsLoadedLater) {
  ProcessPoolExecutor pool = make_pool(2);
  EXPECT_EQ(pool.submit(add, 1, 1).get(), 2);
  load_task_module(module_path(2));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(pool.submit<int>("module2.scale", i, 7).get(), 7 * i);
  const demo::Shape shape{"round", 0};
  EXPECT_EQ(pool.submit<double>("module2.area", shape).get(), 5);
}

TEST_P(ExecutorNamedSuite, RefusesAClassThatAModuleDefinesDifferently) {
  load_task_module(module_path(2));  // has a Shape of ours
  load_task_module(module_path(1));
  ProcessPoolExecutor pool = make_pool(1);
  try {
    pool.submit<double>("module1.area", demo::Shape{"round", 0});
    FAIL() << "a Shape was taken for another";
  } catch (const CodecError& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find("demo::Shape is {double, double}"), std::string::npos) << what;
  }
}

TEST_P(ExecutorNamedSuite, CallsFunctionsOfALibraryThatIsLoadedLater) {
  ProcessPoolExecutor pool = make_pool(2);
  EXPECT_EQ(pool.submit(add, 1, 1).get(), 2);
  const Number number = load_number(module_path(4));
  EXPECT_EQ(pool.submit(number, 10).get(), 14);
  int expected = 4;
  for (int n : pool.map(number, std::vector<int>{0, 1, 2, 3})) EXPECT_EQ(n, expected++);
}

// Workers that begin after the library's file was replaced find another build there.
TEST_P(ExecutorNamedSuite, RefusesALibraryThatIsAnotherBuildInTheWorker) {
  ProcessPoolExecutor pool = make_pool(1);
  EXPECT_EQ(pool.submit(add, 1, 1).get(), 2);
  const ChangingLibrary library(module_path(3));
  const Number number = load_number(library.path());
  library.replace(module_path(2));
  Future<int> future = pool.submit(number, 10);
  try {
    future.get();
    FAIL() << "another build was called";
  } catch (const CodecError& error) {
    const std::string what = error.what();
    EXPECT_NE(what.find(library.path().string()), std::string::npos) << what;
    EXPECT_NE(what.find("different builds"), std::string::npos) << what;
  }
  EXPECT_EQ(pool.submit(add, 1, 1).get(), 2);
  EXPECT_EQ(pool.stats().lost, 0u);
}

SHOAL_FOR_EACH_START_METHOD(ExecutorNamedSuite);

}  // namespace
}  // namespace shoal::test
