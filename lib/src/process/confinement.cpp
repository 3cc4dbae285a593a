// SPDX-License-Identifier: Apache-2.0
#include "process/confinement.hpp"

#include <chrono>
#include <stdexcept>
#include <system_error>

#include "os/landlock.hpp"
#include "os/seccomp.hpp"
#include "shoal/error.hpp"

namespace shoal::process {
namespace {

// With less a child cannot do its own part: the pages of its heap, and those of an exception.
constexpr std::size_t kLeastMemory = 1 << 20;
// Three streams, the line to the parent, and what a task of a few arguments brings along.
constexpr unsigned kFewestFiles = 16;

[[noreturn]] void refuse(const std::string& option, const std::string& why) {
  throw std::invalid_argument(option + ' ' + why);
}

[[noreturn]] void throw_unconfined(const os::Failure& failure, const std::string& option) {
  throw ResourceError(std::error_code(failure.error, std::generic_category()),
                      option + " cannot be applied: " + failure.to_string());
}

void require(const os::Result<void>& result, const std::string& option) {
  if (!result) throw_unconfined(result.error(), option);
}

void bound(os::Resource resource, std::uint64_t value, const std::string& option) {
  require(os::set_bound({resource, value}), option);
}

std::uint64_t whole_seconds(Duration time) {
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::seconds>(time).count());
}

}  // namespace

void check_confinement(const Confinement& confinement, const std::string& options) {
  const Limits& limits = confinement.limits;
  if (limits.memory != 0 && limits.memory < kLeastMemory) {
    refuse(options + "::limits.memory", "is " + std::to_string(limits.memory) + ": give " +
                                            std::to_string(kLeastMemory) +
                                            " bytes or more, or 0 for no limit");
  }
  if (limits.cpu_time <= Duration::zero()) {
    refuse(options + "::limits.cpu_time",
           "is not positive: give the time that may be used, or shoal::forever");
  }
  if (limits.open_files != 0 && limits.open_files < kFewestFiles) {
    refuse(options + "::limits.open_files", "is " + std::to_string(limits.open_files) + ": give " +
                                                std::to_string(kFewestFiles) +
                                                " or more, or 0 to leave it as it is");
  }
  switch (confinement.sandbox) {
    case Sandbox::none:
    case Sandbox::no_new_privs:
    case Sandbox::strict:
      return;
  }
  refuse(options + "::sandbox", "is none of none, no_new_privs, strict");
}

void require_confinement(const Confinement& confinement, const std::string& options,
                         const std::string& attempt) {
  const unsigned files = confinement.limits.open_files;
  if (files != 0) {
    const os::Result<std::uint64_t> most = os::highest_bound(os::Resource::descriptors);
    if (most && files > *most) {
      throw StartError(attempt + ": " + options + "::limits.open_files is " +
                       std::to_string(files) + ", and this process may set " +
                       std::to_string(*most) + " at most (RLIMIT_NOFILE): raise that first");
    }
  }
  if (confinement.sandbox != Sandbox::strict || os::has_seccomp()) return;
  throw StartError(attempt + ": " + options +
                   "::sandbox is Sandbox::strict, and this system lets nobody filter system calls "
                   "(seccomp)");
}

void apply_limits(const Limits& limits, const std::string& options) {
  const std::string prefix = options + "::limits.";
  if (limits.open_files != 0) {
    bound(os::Resource::descriptors, limits.open_files, prefix + "open_files");
  }
  if (limits.file_size != 0) bound(os::Resource::file_size, limits.file_size, prefix + "file_size");
  if (limits.memory == 0) return;
  const os::Result<std::uint64_t> used = os::private_memory();
  if (!used) throw_unconfined(used.error(), prefix + "memory");
  bound(os::Resource::private_memory, *used + limits.memory, prefix + "memory");
}

void apply_cpu_time(const Limits& limits, const std::string& options) {
  if (limits.cpu_time == forever) return;
  bound(os::Resource::cpu_time, whole_seconds(limits.cpu_time), options + "::limits.cpu_time");
}

void apply_sandbox(Sandbox sandbox, const std::string& options) {
  if (sandbox == Sandbox::none) return;
  const std::string option = options + "::sandbox";
  require(os::give_up_privileges(), option);
  if (sandbox != Sandbox::strict) return;
  const os::Result<bool> denied = os::deny_files();  // without Landlock seccomp does it alone
  if (!denied) throw_unconfined(denied.error(), option);
  require(os::refuse_calls(), option);
}

std::vector<os::Bound> program_bounds(const Limits& limits) {
  std::vector<os::Bound> bounds;
  if (limits.memory != 0) bounds.push_back({os::Resource::private_memory, limits.memory});
  if (limits.cpu_time != forever) {
    bounds.push_back({os::Resource::cpu_time, whole_seconds(limits.cpu_time)});
  }
  if (limits.open_files != 0) bounds.push_back({os::Resource::descriptors, limits.open_files});
  if (limits.file_size != 0) bounds.push_back({os::Resource::file_size, limits.file_size});
  return bounds;
}

}  // namespace shoal::process
