// SPDX-License-Identifier: Apache-2.0
#include "pool/black_box.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <new>
#include <utility>

#include "base/log.hpp"
#include "os/memfd.hpp"
#include "os/memory_killer.hpp"

namespace shoal::pool {
namespace {

constexpr std::array kLevelNames{"trace", "debug", "info", "warning", "error", "critical"};

// A text of at most N - 1 bytes that a stranger wrote.
template <std::size_t N>
std::string text_of(const std::array<char, N>& bytes) {
  std::array<char, N> copy;
  sync::Hardware::read(copy.data(), bytes.data(), N);
  return {copy.data(), std::find(copy.begin(), copy.end() - 1, '\0')};
}

}  // namespace

os::Result<std::shared_ptr<BlackBox>> BlackBox::create(std::string name, os::Fd& file) {
  os::Result<os::Fd> made = os::create_shared_file("shoal-black-box", metrics::kBlackBoxBytes);
  if (!made) return made.error();
  const os::Result<void> sealed = os::seal(made->get(), os::Writers::those_who_map_it);
  if (!sealed) return sealed.error();
  os::Result<memory::Mapping> mapping =
      memory::Mapping::map(made->get(), metrics::kBlackBoxBytes, memory::Access::read_only);
  if (!mapping) return mapping.error();
  file = std::move(*made);
  return std::shared_ptr<BlackBox>(new BlackBox(std::move(name), std::move(*mapping)));
}

BlackBox::BlackBox(std::string name, memory::Mapping mapping)
    : name_(std::move(name)),
      mapping_(std::move(mapping)),
      prefix_(name_ + ": "),
      reader_(shared()) {}

void BlackBox::watch_memory_killer() noexcept try {
  const std::optional<std::uint64_t> kills = os::memory_kills();
  const std::lock_guard guard(mutex_);
  memory_kills_before_ = kills;
} catch (const std::bad_alloc&) {  // its strikes are not told from other kills
}

const SharedBlackBox& BlackBox::shared() const noexcept {
  return *std::launder(reinterpret_cast<const SharedBlackBox*>(mapping_.data()));
}

// --- log records --------------------------------------------------------------------------------

bool BlackBox::has_news() {
  const std::lock_guard guard(mutex_);
  return reader_.has_news();
}

// The lock is not held while sinks write: one that blocks must not hold up the service thread.
void BlackBox::relay() {
  std::vector<Record> records;
  {
    const std::lock_guard guard(mutex_);
    take();
    records = std::exchange(unwritten_, {});
  }
  for (const Record& record : records) {
    base::log(record.level, record.time, prefix_ + record.text);
  }
}

bool BlackBox::finish(const std::optional<os::ExitStatus>& status) noexcept {
  try {
    const std::lock_guard guard(mutex_);
    if (is_finished_) return !unwritten_.empty();
    if (status && status->signal == SIGKILL) {
      const std::optional<std::uint64_t> kills = os::memory_kills();
      has_memory_killer_struck_ = kills && memory_kills_before_ && *kills > *memory_kills_before_;
    }
    take();
    is_finished_ = true;
    return !unwritten_.empty();
  } catch (const std::exception&) {
    return false;  // no memory: its last records are lost, its task's error comes all the same
  }
}

void BlackBox::take() {
  const metrics::LogReader<sync::Hardware>::Batch batch = reader_.read();
  const auto now = std::chrono::system_clock::now();
  if (batch.lost > 0) {
    unwritten_.push_back(
        {LogLevel::warn, now,
         std::to_string(batch.lost) + " records were lost: it logged faster than they were read"});
  }
  for (const metrics::LogRecord& record : batch.records) take_one(record);
  if (!reader_.is_damaged() || std::exchange(was_damaged_, true)) return;
  unwritten_.push_back({LogLevel::error, now, "its log is damaged and not read any more"});
}

void BlackBox::take_one(const metrics::LogRecord& record) {
  using Time = std::chrono::system_clock::time_point;
  const std::chrono::nanoseconds since_1970(record.nanoseconds);
  unwritten_.push_back(
      {record.level, Time(std::chrono::duration_cast<Time::duration>(since_1970)), record.text});
  const char* const level = kLevelNames[static_cast<std::size_t>(record.level)];
  last_lines_.push_back("[" + std::string(level) + "] " + record.text);
  if (last_lines_.size() > kLastLines) last_lines_.pop_front();
}

std::vector<std::string> BlackBox::last_lines() {
  const std::lock_guard guard(mutex_);
  return {last_lines_.begin(), last_lines_.end()};
}

// --- the end ------------------------------------------------------------------------------------

std::optional<Crash> BlackBox::crash() const {
  const os::CrashReport& report = shared().crash;
  // acquire: pairs with the releases in the handler; what they announce is there.
  const std::uint32_t state = report.state.load(std::memory_order_acquire);
  if (state != os::CrashReport::at_signal && state != os::CrashReport::whole) return std::nullopt;
  Crash crash;
  sync::Hardware::read(&crash.signal, &report.signal, sizeof crash.signal);
  sync::Hardware::read(&crash.address, &report.address, sizeof crash.address);
  std::array<std::uint32_t, 2> counts{};
  sync::Hardware::read(counts.data(), &report.frame_count, sizeof counts);
  const std::size_t frames = std::min(counts[0], os::CrashReport::kMostFrames);
  const std::size_t modules = std::min(counts[1], os::CrashReport::kMostModules);
  for (std::size_t i = 0; i < modules; ++i) crash.modules.push_back(text_of(report.modules[i]));
  for (std::size_t i = 0; i < frames; ++i) {
    os::CrashReport::Frame frame;
    sync::Hardware::read(&frame, &report.frames[i], sizeof frame);
    crash.frames.push_back({frame.offset, std::nullopt});
    if (frame.module < modules) crash.frames.back().module = frame.module;
  }
  return crash;
}

std::string BlackBox::last_words() const {
  std::string words = text_of(shared().crash.message);
  while (words.ends_with('\n')) words.pop_back();
  return words;
}

}  // namespace shoal::pool
