// SPDX-License-Identifier: Apache-2.0
// Process::program: foreign programs. The home of Boost.Process, which finds the program; starting
// it is our own os::launch, because Boost's launcher forks the caller (its cost grows with the
// caller's memory), and in the child of a failed exec calls exit(), which runs the caller's
// handlers and static destructors there (every release up to 1.88).

#include <algorithm>
#include <csignal>
#include <stdexcept>
#include <utility>

#include "process/confinement.hpp"
#include "process/process_state.hpp"
#include "process/runtime.hpp"
#include "process/spawner.hpp"
#include "process/start_error.hpp"

#ifndef BOOST_PROCESS_USE_STD_FS
#define BOOST_PROCESS_USE_STD_FS
#endif
// clang-format off
#include <boost/optional.hpp>     // these two first: Boost 1.81's Process does not include them
#include <boost/type_traits.hpp>
#include <boost/process/v2/environment.hpp>
// clang-format on

namespace shoal {
namespace {

namespace env = boost::process::v2::environment;

// `path` as the caller's PATH finds it; itself if it has a slash.
std::string find_program(const std::filesystem::path& path, const std::string& attempt) {
  if (path.native().find('/') != std::string::npos) return path.native();
  const std::filesystem::path found = env::find_executable(path);
  if (found.empty()) {
    process::throw_start_error(base::failure(ENOENT, "execve", "\"%s\", not in PATH", path.c_str()),
                               attempt);
  }
  return found.native();
}

// The caller's environment, with `changes` over it.
std::vector<std::string> merge_environment(const std::map<std::string, std::string>& changes) {
  std::vector<std::string> merged = os::environment();
  std::erase_if(merged, [&](const std::string& entry) {
    return changes.contains(entry.substr(0, entry.find('=')));
  });
  for (const auto& [name, value] : changes) merged.push_back(name + '=' + value);
  return merged;
}

class ProgramWork final : public process::Work {
 public:
  ProgramWork(std::filesystem::path path, std::vector<std::string> arguments)
      : path_(std::move(path)), arguments_(std::move(arguments)) {}

  std::shared_ptr<process::Child> start(const internal::ProcessState& process) override {
    const std::string attempt = "cannot start program \"" + path_.native() + "\"";
    os::Launch launch;
    launch.path = find_program(path_, attempt);
    launch.arguments = arguments_;
    launch.arguments.insert(launch.arguments.begin(), path_.native());
    launch.environment = merge_environment(process.options().environment);
    launch.death_signal = SIGKILL;
    const Limits& limits = process.options().limits;
    process::require_confinement({limits, Sandbox::none}, "ProcessOptions", attempt);
    launch.bounds = process::program_bounds(limits);
    launch.gives_up_privileges = process.options().sandbox == Sandbox::no_new_privs;
    base::Result<os::ChildProcess> born = base::failure(0, "");
    process::Runtime::instance().spawner().run([&] { born = os::launch(launch); });
    return std::make_shared<process::Child>(process::or_start_error(std::move(born), attempt),
                                            os::Fd());
  }

 private:
  const std::filesystem::path path_;
  const std::vector<std::string> arguments_;
};

}  // namespace

Process Process::program(const std::filesystem::path& path, std::vector<std::string> arguments,
                         ProcessOptions options) {
  if (path.empty()) throw std::invalid_argument("Process::program: the path is empty");
  process::check_text(path.native(), "Process::program: the path");
  for (const std::string& argument : arguments) {
    process::check_text(argument, "Process::program: an argument");
  }
  if (options.sandbox == Sandbox::strict) {
    throw std::invalid_argument(
        "ProcessOptions::sandbox: Sandbox::strict executes no programs; a foreign one can be given "
        "Sandbox::no_new_privs");
  }
  return Process(std::make_unique<internal::ProcessState>(
      std::move(options), std::make_unique<ProgramWork>(path, std::move(arguments))));
}

}  // namespace shoal
