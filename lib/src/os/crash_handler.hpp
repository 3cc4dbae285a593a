// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "os/error.hpp"

namespace shoal::os {

/// Where a process was when a signal of its own making ended it; lies in a file that outlives it.
/// Filled in by the handler; all zero before. Whoever reads one that another process has written
/// checks every number, and does not take a text for terminated.
struct CrashReport {
  static constexpr std::uint32_t kMostFrames = 64;
  static constexpr std::uint32_t kMostModules = 24;
  static constexpr std::uint32_t kNoModule = ~std::uint32_t{0};
  static constexpr std::size_t kLongestPath = 256;
  static constexpr std::size_t kLongestMessage = 1024;

  enum State : std::uint32_t {
    none = 0,
    begun = 1,      ///< nothing below can be relied upon yet
    at_signal = 2,  ///< the signal is known, and the first frame
    whole = 3,      ///< and so are the frames
  };
  struct Frame {
    std::uint64_t offset;  ///< in the module; an address where there is none
    std::uint32_t module;  ///< index below, or kNoModule
    std::uint32_t unused;
  };

  std::atomic<std::uint32_t> state;
  std::int32_t signal;
  std::int32_t code;      ///< siginfo's si_code
  std::int32_t thread;    ///< id of the thread
  std::uint64_t address;  ///< what a memory fault was about
  std::uint32_t frame_count;
  std::uint32_t module_count;
  std::array<Frame, kMostFrames> frames;  ///< innermost first; the others are return addresses
  /// Paths as the loader calls them; "" is the program itself.
  std::array<std::array<char, kLongestPath>, kMostModules> modules;
  std::array<char, kLongestMessage> message;  ///< the last words of std::terminate or assert
};

/// True if this build has a handler: sanitizers have one of their own.
bool has_crash_handler() noexcept;

/// Does what is the same for this process and all that are forked from it, for a fork server.
void prepare_crash_handler() noexcept;

/// From now on the signals that a process brings upon itself (SIGSEGV, SIGBUS, SIGILL, SIGFPE,
/// SIGABRT, SIGTRAP, SIGSYS) are reported to `report`, which must stay; afterwards they do what
/// they would have done: end the process by that signal, with a core file where one is due. Signals
/// that somebody handles already are left to him, and whoever sets an action later replaces ours.
/// The calling thread gets a stack of its own for the handler, so that its own may overflow. Once
/// in a process. A fork's copy reports nothing.
Result<void> report_crashes_to(CrashReport& report) noexcept;

/// Adds what somebody has to say before he aborts; only the first is kept.
void say_last_words(std::string_view words) noexcept;

}  // namespace shoal::os
