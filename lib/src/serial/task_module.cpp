// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>
#include <system_error>

#include "os/library.hpp"
#include "shoal/error.hpp"
#include "shoal/task_registry.hpp"

namespace shoal {
namespace {

using Register = void (*)(TaskRegistry& tasks);

void check_is_file(const std::filesystem::path& path) {
  std::error_code code;
  const std::filesystem::file_status status = std::filesystem::status(path, code);
  if (!std::filesystem::exists(status)) {
    if (!code) code = std::make_error_code(std::errc::no_such_file_or_directory);
    throw Error(code, "the task module " + path.string() + " is not there: give the path of a .so");
  }
  if (!std::filesystem::is_regular_file(status)) {
    throw Error(std::make_error_code(std::errc::invalid_argument),
                "the task module " + path.string() + " is no file: give the path of a .so");
  }
}

// The library is never unloaded: its static objects may have left anything anywhere by now.
Register find_register(const std::filesystem::path& path) {
  const os::LoadedLibrary library = os::load_library(path.string());
  if (library.handle == nullptr) {
    throw Error("the task module cannot be loaded: " + library.reason);
  }
  void* const found = os::find_export(library, "shoal_register_tasks");
  if (found != nullptr) return reinterpret_cast<Register>(found);
  throw Error("the library " + path.string() +
              " is no task module: it must export extern \"C\" void "
              "shoal_register_tasks(shoal::TaskRegistry&)");
}

[[noreturn]] void fail_to_register(const std::filesystem::path& path, const std::string& reason) {
  std::throw_with_nested(
      Error("the task module " + path.string() + " failed to register its tasks: " + reason));
}

}  // namespace

std::vector<std::string> load_task_module(const std::filesystem::path& path) {
  const std::filesystem::path file = std::filesystem::absolute(path);  // workers may be elsewhere
  check_is_file(file);
  const Register register_tasks = find_register(file);
  try {
    TaskRegistry staged;
    register_tasks(staged);
    task_registry().add_all(staged);
    return staged.names();
  } catch (const std::exception& error) {
    fail_to_register(file, error.what());
  } catch (...) {  // from code that may be of another language
    fail_to_register(file, "it threw what is no std::exception");
  }
}

}  // namespace shoal
