// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <atomic>
#include <cstdio>
#include <mutex>

namespace shoal {
namespace {

using base::LogTaker;

// The logger lives in a holder that is never destroyed: records may come from static destructors.
// After a fork the holder is replaced, never locked: its lock may belong to a lost thread.
struct Holder {
  std::shared_ptr<spdlog::logger> logger;
  Holder* inherited = nullptr;  // of the process this one was forked from, never touched again
};

// Writes to stderr under a lock of its own: spdlog's stderr sinks share one lock per process, which
// a thread that a fork left behind might hold.
class StderrSink final : public spdlog::sinks::base_sink<std::mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t text;
    formatter_->format(message, text);
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
  void flush_() override { std::fflush(stderr); }
};

// Hands records on as they are, unformatted.
class HandingSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit HandingSink(LogTaker& taker) noexcept : taker_(taker) {}

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    taker_.take(static_cast<LogLevel>(message.level), message.time,
                {message.payload.data(), message.payload.size()});
  }
  void flush_() override {}

 private:
  LogTaker& taker_;
};

std::atomic<Holder*> current_holder{nullptr};
std::atomic<Holder*> inherited_holders{nullptr};
std::atomic<LogLevel> current_level{LogLevel::warn};
std::atomic<LogTaker*> current_taker{nullptr};

spdlog::level::level_enum to_spdlog(LogLevel level) {
  return static_cast<spdlog::level::level_enum>(level);
}

spdlog::sink_ptr make_sink() {
  if (LogTaker* const taker = current_taker.load(std::memory_order_relaxed)) {
    return std::make_shared<HandingSink>(*taker);
  }
  return std::make_shared<StderrSink>();
}

Holder* make_holder() {
  auto logger = std::make_shared<spdlog::logger>("shoal", make_sink());
  logger->set_level(to_spdlog(current_level.load(std::memory_order_relaxed)));
  logger->set_pattern("[%Y-%m-%d %H:%M:%S.%e] [%n] [%l] [pid %P] %v");
  logger->flush_on(spdlog::level::warn);
  return new Holder{std::move(logger)};
}

Holder& holder() {
  // acquire: pairs with the release below; the holder is complete when its pointer is seen.
  if (Holder* made = current_holder.load(std::memory_order_acquire)) return *made;
  Holder* fresh = make_holder();
  Holder* expected = nullptr;
  if (current_holder.compare_exchange_strong(expected, fresh, std::memory_order_acq_rel)) {
    return *fresh;
  }
  delete fresh;
  return *expected;
}

}  // namespace

std::shared_ptr<spdlog::logger> get_logger() { return holder().logger; }

std::shared_ptr<spdlog::logger> log_to_stderr(LogLevel level) {
  base::set_log_level(level);
  return get_logger();
}

namespace base {

void log(LogLevel level, std::string_view text) noexcept {
  try {
    holder().logger->log(to_spdlog(level), "{}", text);
  } catch (...) {
    // A record that cannot be written is lost; logging never fails the work it speaks of.
  }
}

void log(LogLevel level, std::string_view begin, std::string_view end) noexcept {
  try {
    holder().logger->log(to_spdlog(level), "{}{}", begin, end);
  } catch (...) {
    // As above.
  }
}

void log(LogLevel level, std::chrono::system_clock::time_point time,
         std::string_view text) noexcept {
  try {
    holder().logger->log(time, {}, to_spdlog(level), {text.data(), text.size()});
  } catch (...) {
    // As above.
  }
}

// The sinks, not the logger: whoever has asked for that already goes on with it.
void hand_log_to(LogTaker& taker) {
  current_taker.store(&taker, std::memory_order_relaxed);
  if (Holder* made = current_holder.load(std::memory_order_acquire)) {
    made->logger->sinks() = {make_sink()};
  }
}

bool is_logged(LogLevel level) noexcept { return level >= log_level(); }

LogLevel log_level() noexcept {
  if (Holder* made = current_holder.load(std::memory_order_acquire)) {
    return static_cast<LogLevel>(made->logger->level());
  }
  return current_level.load(std::memory_order_relaxed);
}

void set_log_level(LogLevel level) noexcept {
  current_level.store(level, std::memory_order_relaxed);
  if (Holder* made = current_holder.load(std::memory_order_acquire)) {
    made->logger->set_level(to_spdlog(level));
  }
}

void reset_log_after_fork() noexcept {
  current_taker.store(nullptr, std::memory_order_relaxed);
  current_level.store(log_level(), std::memory_order_relaxed);
  Holder* const inherited = current_holder.exchange(nullptr, std::memory_order_acq_rel);
  if (inherited == nullptr) return;
  inherited->inherited = inherited_holders.load(std::memory_order_relaxed);
  inherited_holders.store(inherited, std::memory_order_relaxed);
}

void flush_log() noexcept {
  try {
    if (Holder* made = current_holder.load(std::memory_order_acquire)) made->logger->flush();
  } catch (...) {
    // As in log().
  }
}

}  // namespace base
}  // namespace shoal
