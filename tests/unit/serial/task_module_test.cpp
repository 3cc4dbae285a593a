// SPDX-License-Identifier: Apache-2.0
// Task modules: what is loaded, what is refused, and what one class of two definitions leads to.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <exception>
#include <filesystem>
#include <stdexcept>

#include "shoal/error.hpp"
#include "shoal/task_registry.hpp"

namespace demo {

// As task_module_1 has it.
struct Shape {
  double width;
  double height;
};

}  // namespace demo

namespace shoal {
namespace {

std::string module_path(int number) {
  return SHOAL_TEST_PROGRAMS "/task_module_" + std::to_string(number) + ".so";
}

std::string error_of(const std::filesystem::path& module) {
  try {
    load_task_module(module);
  } catch (const Error& error) {
    return error.what();
  }
  return "it was loaded";
}

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

template <class R, class... Args>
R call(std::string_view name, Args&&... args) {
  Writer message;
  encode_named_call<R>(message, name, std::forward<Args>(args)...);
  Reader reader(message.bytes());
  Writer result;
  task_registry().call(reader, result);
  return Reader(result.bytes()).get<R>();
}

TEST(TaskModuleTest, RegistersItsTasks) {
  EXPECT_EQ(load_task_module(module_path(1)),
            (std::vector<std::string>{"module1.area", "module1.scale"}));
  EXPECT_EQ(call<int>("module1.scale", 6, 7), 42);
  EXPECT_EQ(call<double>("module1.area", demo::Shape{2, 3}), 6);
  EXPECT_EQ(task_registry().find("module1.scale")->parameter_names(),
            (std::vector<std::string>{"x", "factor"}));
}

TEST(TaskModuleTest, MayBeLoadedTwice) {
  const auto names = load_task_module(module_path(1));
  const RegisteredTask* const task = task_registry().find("module1.scale");
  EXPECT_EQ(load_task_module(module_path(1)), names);
  EXPECT_EQ(task_registry().find("module1.scale"), task);
}

TEST(TaskModuleTest, IsFoundByARelativePath) {
  EXPECT_NO_THROW(load_task_module(std::filesystem::relative(module_path(1))));
}

TEST(TaskModuleTest, AnotherDefinitionOfAClassIsRefused) {
  load_task_module(module_path(2));
  EXPECT_EQ(call<int>("module2.scale", 6, 7), 42);
  try {
    call<double>("module2.area", demo::Shape{2, 3});
    FAIL() << "a Shape was taken for another";
  } catch (const CodecError& error) {
    const std::string what = error.what();
    EXPECT_TRUE(holds(what, "module2.area") && holds(what, "double(demo::Shape)")) << what;
    EXPECT_TRUE(holds(what, "{std::string, double}") && holds(what, "{double, double}")) << what;
  }
}

std::uint64_t shape_of(int module) {
  void* const library = ::dlopen(module_path(module).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(::dlerror());
  return reinterpret_cast<std::uint64_t (*)()>(::dlsym(library, "shoal_test_module_shape"))();
}

// What travels with each message tells two definitions of one name apart.
TEST(TaskModuleTest, OneNameWithTwoDefinitionsHasTwoHashes) {
  EXPECT_EQ(shape_of(1), type_hash<demo::Shape>());
  EXPECT_NE(shape_of(2), type_hash<demo::Shape>());
  EXPECT_EQ(shape_of(2), shape_of(4));
}

TEST(TaskModuleTest, OneThatThrowsRegistersNothing) {
  try {
    load_task_module(module_path(3));
    FAIL() << "it threw in vain";
  } catch (const Error& error) {
    EXPECT_TRUE(holds(error.what(), "task_module_3.so") && holds(error.what(), "no licence"))
        << error.what();
    EXPECT_THROW(std::rethrow_if_nested(error), std::runtime_error);
  }
  EXPECT_EQ(task_registry().find("module3.scale"), nullptr);
  EXPECT_EQ(task_registry().find("module3.area"), nullptr);
}

TEST(TaskModuleTest, ALibraryThatIsNoneIsToldSo) {
  EXPECT_TRUE(holds(error_of(module_path(4)), "shoal_register_tasks")) << error_of(module_path(4));
}

TEST(TaskModuleTest, WhatCannotBeLoadedIsNamed) {
  EXPECT_TRUE(holds(error_of("/nowhere/tasks.so"), "/nowhere/tasks.so"));
  EXPECT_TRUE(holds(error_of("/"), "no file"));
  EXPECT_TRUE(holds(error_of("/proc/self/status"), "/proc/self/status"));
  try {
    load_task_module("/nowhere/tasks.so");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), std::errc::no_such_file_or_directory);
  }
}

}  // namespace
}  // namespace shoal
