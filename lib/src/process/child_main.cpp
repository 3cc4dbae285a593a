// SPDX-License-Identifier: Apache-2.0
#include "process/child_main.hpp"

#include <cstdio>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "os/after_fork.hpp"
#include "os/child.hpp"
#include "process/boot.hpp"
#include "process/runtime.hpp"
#include "process/uncaught.hpp"
#include "shoal/error.hpp"

namespace shoal::process {
namespace {

void flush_everything() noexcept {
  try {
    std::cout.flush();
    std::cerr.flush();
    std::clog.flush();
  } catch (...) {
    // A stream that throws on failure: what it holds cannot be written.
  }
  // A copy must not write what its host had buffered in files of its own.
  if (!Runtime::instance().role().is_copy) std::fflush(nullptr);
  std::fflush(stdout);
  std::fflush(stderr);
  base::flush_log();
}

// The end of every child, by return or by exit(): never through the handlers and static destructors
// of the program, which are the parent's.
[[noreturn]] void end_process(int status) noexcept {
  Runtime::instance().end();
  flush_everything();
  os::after_fork::exit_now(status);
}

void become(const Boot& boot, Birth birth) {
  const BootHead& head = boot.head;
  Runtime::begin_child({head.name, head.identity, head.is_daemon, birth == Birth::copy,
                        head.parent_pid, head.parent_name, boot.parent_sentinel});
  Runtime::instance().inherit_start_method(head.start_method);
  base::set_log_level(head.log_level);
  for (const auto& [name, value] : head.environment) os::set_environment(name, value);
  os::name_thread(head.name.c_str());
}

int run_entry(os::Fd control, Birth birth) {
  std::optional<Boot> boot = receive_boot(control.get());
  if (!boot) os::after_fork::exit_now(0);  // the parent is gone: nobody waits
  become(*boot, birth);
  const auto entry = reinterpret_cast<Entry>(serial::resolve(boot->head.entry));
  ChildContext context{std::move(boot->head.name), std::move(boot->payload),
                       std::move(boot->descriptors), std::move(control)};
  return entry(context);
}

}  // namespace

void run_child(os::Fd control, Birth birth) noexcept {
  os::call_first_at_exit([](int status) { end_process(status); });
  try {
    end_process(run_entry(std::move(control), birth));
  } catch (...) {
    report_uncaught();
    end_process(1);  // in here: what unwinds without being an exception must not be swallowed
  }
}

void report_uncaught() noexcept {
  try {
    const Role& role = Runtime::instance().role();
    const std::exception_ptr error = std::current_exception();
    std::string text =
        "Process " + role.name + " (pid " + std::to_string(os::process_id()) + "): " +
        (error ? "uncaught " + describe_uncaught(error) : "pthread_exit() ended its first thread");
    if (!text.ends_with('\n')) text += '\n';
    os::after_fork::log(text.c_str());
  } catch (...) {
    os::after_fork::log("shoal: an uncaught exception ends this process\n");
  }
}

}  // namespace shoal::process
