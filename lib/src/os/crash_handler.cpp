// SPDX-License-Identifier: Apache-2.0
#include "os/crash_handler.hpp"

#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include <algorithm>
#include <cstring>
#include <ctime>

#include "os/child.hpp"

// What may run in the handler: the process is broken, perhaps in malloc or while it held any lock,
// so there is no allocation, no lock and no stream. The stack is walked by the compiler's own
// unwinder, which is there wherever exceptions are: backtrace(3) would do the same, after loading
// that unwinder a second time, for 70 us. It neither allocates nor locks: it finds a frame's tables
// by _dl_find_object(), which is safe in a handler (glibc 2.35; GCC 12); older ones take the
// loader's lock, which the crashing thread may take again, and another thread gives back. The
// tables are those of exceptions, so that code built without frame pointers is walked as well, and
// the signal's own frame is stepped over.
// Should the unwinder fall over a damaged stack, its own fault ends the process at once: the
// report then has the signal and the first frame.

namespace shoal::os {
namespace {

#ifndef __has_feature  // clang's way to tell
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kIsAvailable = false;
#else
constexpr bool kIsAvailable = true;
#endif

constexpr std::array kSignals{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
// The unwinder takes 5 KiB, and the loader may help it. Untouched memory until then.
alignas(64) std::array<std::byte, 128 << 10> handler_stack;

// glibc's assert, abort and malloc leave their message here. Private to it, so it is looked up.
struct AbortMessage {
  unsigned size;
  char text[1];
};

struct Reporter {
  CrashReport* report = nullptr;
  int pid = 0;  // nobody else reports here: neither a fork's copy nor one that borrows the memory
};
Reporter reporter;
AbortMessage* const* abort_message = nullptr;

// The words reach the file byte by byte in order, zero behind them: cut short they are still text.
void keep_words(CrashReport& report, const char* words, std::size_t size) noexcept {
  if (report.message[0] != '\0') return;
  std::memcpy(report.message.data(), words, std::min(size, CrashReport::kLongestMessage - 1));
}

struct Registers {
  std::uintptr_t pc;
  std::uintptr_t caller;  // where the function would return to, had it no frame yet; or 0
};

// Reads a word that may not be there.
std::uintptr_t peek(std::uintptr_t address) noexcept {
  std::uintptr_t value = 0;
  const iovec to{&value, sizeof value};
  const iovec from{reinterpret_cast<void*>(address), sizeof value};
  return ::process_vm_readv(::getpid(), &to, 1, &from, 1, 0) == sizeof value ? value : 0;
}

Registers registers_of(const void* context) noexcept {
  const mcontext_t& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return {static_cast<std::uintptr_t>(machine.gregs[REG_RIP]),
          peek(static_cast<std::uintptr_t>(machine.gregs[REG_RSP]))};
#elif defined(__aarch64__)
  return {machine.pc, machine.regs[30]};
#else
#error "shoal knows x86-64 and aarch64"
#endif
}

const link_map* module_at(std::uintptr_t address) noexcept {
#ifdef DLFO_STRUCT_HAS_EH_DBASE
  dl_find_object found;
  return ::_dl_find_object(reinterpret_cast<void*>(address), &found) == 0 ? found.dlfo_link_map
                                                                          : nullptr;
#else
  Dl_info info;
  link_map* map = nullptr;
  ::dladdr1(reinterpret_cast<void*>(address), &info, reinterpret_cast<void**>(&map),
            RTLD_DL_LINKMAP);
  return map;
#endif
}

// Writes frames down, and the modules they are in.
class FrameWriter {
 public:
  explicit FrameWriter(CrashReport& report) noexcept : report_(report) {}

  // A return address may lie behind the last byte of its function: what is meant is the call.
  // False if there is no room.
  bool add(std::uintptr_t address, bool is_return) noexcept {
    if (report_.frame_count >= CrashReport::kMostFrames) return false;
    CrashReport::Frame& frame = report_.frames[report_.frame_count];
    const link_map* const module = module_at(is_return ? address - 1 : address);
    frame.module = module == nullptr ? CrashReport::kNoModule : index_of(*module);
    const bool is_named = frame.module != CrashReport::kNoModule;
    frame.offset = is_named ? address - module->l_addr : address;
    ++report_.frame_count;
    return true;
  }

 private:
  std::uint32_t index_of(const link_map& module) noexcept {
    const auto end = seen_.begin() + report_.module_count;
    const auto at = std::find(seen_.begin(), end, &module);
    const auto index = static_cast<std::uint32_t>(at - seen_.begin());
    if (at != end) return index;
    const std::size_t length = std::strlen(module.l_name);
    if (index == seen_.size() || length >= CrashReport::kLongestPath) return CrashReport::kNoModule;
    std::memcpy(report_.modules[index].data(), module.l_name, length);
    seen_[index] = &module;
    ++report_.module_count;
    return index;
  }

  CrashReport& report_;
  std::array<const link_map*, CrashReport::kMostModules> seen_{};
};

// The frames above the signal's are the handler's.
struct Walk {
  FrameWriter* frames;
  std::uintptr_t pc;
  bool has_passed_signal;
};

_Unwind_Reason_Code see_frame(_Unwind_Context* context, void* argument) {
  Walk& walk = *static_cast<Walk*>(argument);
  const std::uintptr_t address = ::_Unwind_GetIP(context);
  if (address == 0) return _URC_END_OF_STACK;
  if (walk.has_passed_signal && !walk.frames->add(address, true)) return _URC_END_OF_STACK;
  walk.has_passed_signal = walk.has_passed_signal || address == walk.pc;
  return _URC_NO_REASON;
}

void write_report(CrashReport& report, const siginfo_t& info, const void* context) noexcept {
  const Registers registers = registers_of(context);
  report.signal = info.si_signo;
  report.code = info.si_code;
  report.thread = thread_id();
  report.address = reinterpret_cast<std::uintptr_t>(info.si_code > 0 ? info.si_addr : nullptr);
  FrameWriter frames(report);
  frames.add(registers.pc, false);
  if (info.si_signo == SIGABRT && abort_message != nullptr) {
    if (const AbortMessage* said = *abort_message) {
      keep_words(report, said->text, ::strnlen(said->text, CrashReport::kLongestMessage));
    }
  }
  report.state.store(CrashReport::at_signal, std::memory_order_release);

  Walk walk{&frames, registers.pc, false};
  ::_Unwind_Backtrace(&see_frame, &walk);
  // Where a call went to what is no function, nobody but the register knows who called.
  if (!walk.has_passed_signal && registers.caller != 0) frames.add(registers.caller, true);
  report.state.store(CrashReport::whole, std::memory_order_release);
}

// Another thread is writing the report, and ends the process when it has done.
void wait_for_the_end() noexcept {
  constexpr int kSteps = 100;
  constexpr timespec kStep{0, 10'000'000};
  for (int step = 0; step < kSteps; ++step) ::nanosleep(&kStep, nullptr);
}

// The signal is blocked here; sent again it comes on return, when its action is the default and the
// registers are those of the crash. Where it may not be sent, a fault repeats itself.
void handle(int signal, siginfo_t* info, void* context) {
  if (reporter.report != nullptr && reporter.pid == ::getpid()) {
    std::uint32_t expected = CrashReport::none;
    if (reporter.report->state.compare_exchange_strong(expected, CrashReport::begun)) {
      write_report(*reporter.report, *info, context);
    } else {
      wait_for_the_end();
    }
  }
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(signal, &action, nullptr);
  if (::syscall(SYS_rt_tgsigqueueinfo, ::getpid(), thread_id(), signal, info) == 0) return;
  ::syscall(SYS_tgkill, ::getpid(), thread_id(), signal);
}

Result<void> use_handler_stack() noexcept {
  stack_t present{};
  if (::sigaltstack(nullptr, &present) == 0 && (present.ss_flags & SS_DISABLE) == 0) return {};
  stack_t stack{};
  stack.ss_sp = handler_stack.data();
  stack.ss_size = handler_stack.size();
  if (::sigaltstack(&stack, nullptr) != 0) return failure(errno, "sigaltstack");
  return {};
}

}  // namespace

bool has_crash_handler() noexcept { return kIsAvailable; }

void prepare_crash_handler() noexcept {
  if (!kIsAvailable || abort_message != nullptr) return;
  abort_message = static_cast<AbortMessage* const*>(::dlsym(RTLD_DEFAULT, "__abort_msg"));
}

Result<void> report_crashes_to(CrashReport& report) noexcept {
  if (!kIsAvailable) return {};
  prepare_crash_handler();
  const Result<void> stack = use_handler_stack();
  if (!stack) return stack;
  reporter = {&report, ::getpid()};
  struct sigaction action {};
  action.sa_sigaction = &handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  for (const int signal : kSignals) {
    struct sigaction before {};
    if (::sigaction(signal, &action, &before) != 0) {
      return failure(errno, "sigaction", "signal %d", signal);
    }
    const bool is_default = (before.sa_flags & SA_SIGINFO) == 0 && before.sa_handler == SIG_DFL;
    if (!is_default) ::sigaction(signal, &before, nullptr);
  }
  return {};
}

void say_last_words(std::string_view words) noexcept {
  if (reporter.report == nullptr || reporter.pid != ::getpid()) return;
  keep_words(*reporter.report, words.data(), words.size());
}

}  // namespace shoal::os
