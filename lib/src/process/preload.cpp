// SPDX-License-Identifier: Apache-2.0
#include "process/preload.hpp"

#include <array>
#include <cstdio>
#include <exception>
#include <iostream>
#include <span>
#include <string>

#include "os/child.hpp"
#include "os/event.hpp"
#include "os/host.hpp"
#include "os/sentinel.hpp"
#include "os/socket.hpp"
#include "process/uncaught.hpp"
#include "shoal/error.hpp"

namespace shoal::process {
namespace {

constexpr std::size_t kLongestText = 8 << 10;
constexpr char kRan = '\0';

// A fork takes one thread along, and what locks the others hold for ever.
std::string name_threads() {
  std::string names;
  for (const os::Thread& thread : os::list_threads()) {
    if (thread.id == os::thread_id()) continue;
    names += (names.empty() ? "" : ", ") + std::to_string(thread.id) + " \"" + thread.name + '"';
  }
  return names;
}

// What went wrong; empty if nothing did. What unwinds without being an exception goes on.
std::string complaint_of(const serial::CodeRef& function) {
  try {
    reinterpret_cast<Preload>(serial::resolve(function))();
    std::cout.flush();
  } catch (...) {
    const std::exception_ptr error = std::current_exception();
    if (error == nullptr) throw;
    return "threw " + describe_uncaught(error);
  }
  const std::string threads = name_threads();
  if (threads.empty()) return "";
  return "left threads running (" + threads + "), which no child would have";
}

std::string describe_end(std::optional<os::ExitStatus> status) {
  if (!status) return "ended its process, nobody knows how";
  if (status->signal == 0) return "ended its process with status " + std::to_string(status->code);
  return "was ended by signal " + std::to_string(status->signal) + " (" +
         os::signal_name(status->signal) + ")";
}

// The server's word, or how it died without one.
std::string receive_complaint(Child& server, int control) {
  const std::array watched{control, server.sentinel()};
  std::array<char, kLongestText> text{};
  for (;;) {
    const auto ready = os::wait_readable(watched, base::Deadline::never());
    if (!ready) return "cannot be awaited: " + ready.error().to_string();
    const base::Result<os::Message> message =
        os::receive_message(control, std::as_writable_bytes(std::span(text)), os::Wait::no);
    if (!message && message.error().error == EAGAIN && !server.has_ended()) continue;
    if (!message || message->size == 0) return describe_end(server.exit_status());
    return text[0] == kRan ? std::string() : std::string(text.data(), message->size);
  }
}

}  // namespace

bool run_preload(const serial::CodeRef& function, int control) noexcept {
  std::string complaint = complaint_of(function);
  std::fflush(stdout);  // a child would write it again
  const bool has_run = complaint.empty();
  if (has_run) complaint = kRan;
  if (complaint.size() > kLongestText) complaint.resize(kLongestText);
  // If this fails the owner is gone, which the server sees next.
  static_cast<void>(
      os::send_message(control, std::as_bytes(std::span(complaint)), {}, os::Wait::yes));
  return has_run;
}

void await_preload(Child& server, int control) {
  const std::string complaint = receive_complaint(server, control);
  if (complaint.empty()) return;
  throw StartError(
      "the fork server was not started: the function given to set_forkserver_preload " + complaint);
}

}  // namespace shoal::process
