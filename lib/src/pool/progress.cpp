// SPDX-License-Identifier: Apache-2.0
#include "shoal/progress.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "base/deadline.hpp"
#include "base/log.hpp"
#include "os/terminal.hpp"
#include "pool/engine.hpp"
#include "pool/progress_text.hpp"
#include "process/runtime.hpp"

namespace shoal {

using base::Deadline;
using namespace std::chrono_literals;

/// What the notifier draws: it outlives the Progress by one look at most.
class Progress::State : public std::enable_shared_from_this<State> {
 public:
  State(ProgressOptions options, std::size_t total, std::vector<internal::FutureBase> futures,
        std::shared_ptr<std::atomic<std::size_t>> counter)
      : label_(pool::printable(std::move(options.label))),
        stream_(options.stream),
        total_(total),
        counter_(std::move(counter)),
        futures_(std::move(futures)) {}

  /// Looks now, and again and again until it has ended. On the notifier thread.
  void look() {
    const Deadline::Clock::time_point begin = Deadline::Clock::now();
    {
      const std::lock_guard guard(mutex_);
      if (has_ended_) return;
      count_futures();
      if (done() >= total_) return end();
      draw();
    }
    // Looking at very many futures takes its time: a tenth of it at most is spent on that.
    const Duration took = Deadline::Clock::now() - begin;
    pool::Engine::instance().notifier().post_at(Deadline::in(std::max<Duration>(100ms, 10 * took)),
                                                [self = weak_from_this()] {
                                                  if (const auto state = self.lock()) state->look();
                                                });
  }

  void finish() {
    const std::lock_guard guard(mutex_);
    if (has_ended_) return;
    count_futures();
    end();
  }

  std::vector<internal::FutureBase> futures() {
    const std::lock_guard guard(mutex_);
    return futures_;
  }
  bool is_here() const noexcept { return generation_ == process::Runtime::generation(); }

 private:
  std::size_t done() const noexcept { return counter_->load(std::memory_order_relaxed); }

  void count_futures() {
    const std::size_t gone =
        std::erase_if(futures_, [](const internal::FutureBase& future) { return future.done(); });
    counter_->fetch_add(gone, std::memory_order_relaxed);
  }

  pool::ProgressLook now() const {
    return {.label = label_,
            .done = done(),
            .total = total_,
            .elapsed = Deadline::Clock::now() - begun_,
            .has_ended = has_ended_};
  }

  void draw() {
    const pool::ProgressLook look = now();
    if (const auto width = os::terminal_width(stream_)) {
      write_over(pool::progress_bar(look, *width));
    } else if (lines_.is_due(look)) {
      write(pool::progress_line(look) + '\n');
    }
  }

  void end() {
    has_ended_ = true;
    const pool::ProgressLook look = now();
    if (const auto width = os::terminal_width(stream_)) {
      write_over(pool::progress_bar(look, *width));
      write("\n");
    } else if (lines_.is_due_at_end(look)) {
      write(pool::progress_line(look) + '\n');
    }
  }

  // In place of what stands in the line; blanks hide the rest of it.
  void write_over(const std::string& text) {
    const std::size_t blanks = shown_ > text.size() ? shown_ - text.size() : 0;
    write('\r' + text + std::string(blanks, ' '));
    shown_ = text.size();
  }
  void write(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stream_);
    std::fflush(stream_);
  }

  const std::string label_;
  std::FILE* const stream_;
  const std::size_t total_;
  const std::shared_ptr<std::atomic<std::size_t>> counter_;
  const std::uint32_t generation_ = process::Runtime::generation();
  const Deadline::Clock::time_point begun_ = Deadline::Clock::now();

  std::mutex mutex_;
  std::vector<internal::FutureBase> futures_;  // those that were not done at the last look
  pool::LinePolicy lines_;
  std::size_t shown_ = 0;
  bool has_ended_ = false;
};

Progress::Progress(std::string label, std::size_t total, std::FILE* stream) {
  begin({std::move(label), stream}, total, {});
}

Progress::Progress(ProgressOptions options, std::vector<internal::FutureBase> futures) {
  const std::size_t total = futures.size();
  begin(std::move(options), total, std::move(futures));
}

Progress Progress::unbounded(std::string label, std::FILE* stream) {
  Progress progress;
  progress.begin({std::move(label), stream}, pool::ProgressLook::kUnknown, {});
  return progress;
}

void Progress::begin(ProgressOptions options, std::size_t total,
                     std::vector<internal::FutureBase> futures) {
  if (total == 0) return;
  state_ = std::make_shared<State>(std::move(options), total, std::move(futures), counter_);
  pool::Engine::instance().notifier().post([state = state_] { state->look(); });
}

Progress& Progress::operator=(Progress&& other) noexcept {
  Progress old(std::move(*this));
  counter_ = std::move(other.counter_);
  state_ = std::move(other.state_);
  return *this;
}

Progress::~Progress() {
  if (state_ == nullptr) return;
  if (!state_->is_here()) {
    // Its lock may be held by a thread that is not here.
    static_cast<void>(new std::shared_ptr<State>(std::move(state_)));
    return;
  }
  try {
    state_->finish();
  } catch (const std::exception& error) {
    base::log(LogLevel::warn, std::string("a progress bar was not ended: ") + error.what());
  }
}

void Progress::advance(std::size_t count) noexcept {
  if (counter_ != nullptr) counter_->fetch_add(count, std::memory_order_relaxed);
}

bool Progress::wait(Duration timeout) {
  if (state_ == nullptr) return true;
  const Deadline deadline = Deadline::in(timeout);
  std::vector<internal::FutureBase> futures = state_->futures();
  for (const internal::FutureBase& future : futures) {
    if (!future.wait(deadline.left())) return false;
  }
  if (!futures.empty()) state_->finish();
  return true;
}

std::shared_ptr<Progress> internal::show_map(const std::string& label,
                                             std::vector<ItemBatch>& batches) {
  if (label.empty()) return nullptr;
  std::size_t total = 0;
  for (const ItemBatch& batch : batches) total += batch.count;
  auto progress = std::make_shared<Progress>(label, total);
  for (ItemBatch& batch : batches) batch.counter = progress->counter();
  return progress;
}

}  // namespace shoal
