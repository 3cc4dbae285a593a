// SPDX-License-Identifier: Apache-2.0
#include "pool/worker_log.hpp"

#include <exception>
#include <new>
#include <string>
#include <utility>

#include "os/crash_handler.hpp"
#include "os/event.hpp"
#include "process/uncaught.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

template <class T>
T take_or_throw(os::Result<T> result) {
  if (!result) throw ResourceError("a worker needs " + result.error().to_string());
  return std::move(*result);
}

std::terminate_handler previous_handler = nullptr;

// Then the usual handler has its say on stderr, and aborts. Nothing may be thrown here, where an
// exception would come to this very handler.
void keep_last_words() {
  try {
    const std::exception_ptr error = std::current_exception();
    os::say_last_words(error == nullptr ? "terminated without an exception"
                                        : "uncaught " + process::describe_uncaught(error));
  } catch (...) {
    os::say_last_words("terminated");
  }
  previous_handler();
}

}  // namespace

WorkerLog::WorkerLog(memory::Mapping box, os::Fd bell, memory::Mapping board)
    : box_(std::move(box)), bell_(std::move(bell)), board_(std::move(board)), writer_(shared()) {}

WorkerLog::SharedBox& WorkerLog::shared() const noexcept {
  return *std::launder(reinterpret_cast<SharedBox*>(box_.data()));
}

void WorkerLog::begin(int box, int bell, int board) {
  using memory::Access;
  using memory::Mapping;
  auto* const log =
      new WorkerLog(take_or_throw(Mapping::map(box, metrics::kBlackBoxBytes, Access::read_write)),
                    take_or_throw(os::duplicate_high(bell)),
                    take_or_throw(Mapping::map(board, kBoardBytes, Access::read_only)));
  base::hand_log_to(*log);
  const os::Result<void> reports = os::report_crashes_to(log->shared().crash);
  if (!reports) throw ResourceError("a worker needs " + reports.error().to_string());
  if (os::has_crash_handler()) previous_handler = std::set_terminate(&keep_last_words);
}

// Rings at the first record of an epoch. A bell that a task has closed rings nobody: the records
// are found with the next worker's, or at this one's end.
void WorkerLog::take(LogLevel level, std::chrono::system_clock::time_point time,
                     std::string_view text) noexcept {
  const std::chrono::nanoseconds since_1970 = time.time_since_epoch();
  writer_.write(level, since_1970.count(), text);
  sync::Hardware::fence();  // pairs with the fence in LogRelay::relay: publish, then look
  const auto& board = *std::launder(reinterpret_cast<const Board<sync::Hardware>*>(board_.data()));
  const std::uint64_t epoch = board.log_epoch.load(std::memory_order_acquire);
  if (epoch == std::exchange(rung_epoch_, epoch)) return;
  os::ring(bell_.get());
}

}  // namespace shoal::pool
