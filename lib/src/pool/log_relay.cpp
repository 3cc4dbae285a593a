// SPDX-License-Identifier: Apache-2.0
#include "pool/log_relay.hpp"

#include <new>
#include <utility>

#include "shoal/error.hpp"

namespace shoal::pool {

LogRelay::LogRelay(Board<sync::Hardware>& board, Notifier& notifier)
    : board_(board), notifier_(notifier) {
  os::Result<os::Bell> bell = os::create_bell();
  if (!bell) throw ResourceError("a pool needs " + bell.error().to_string());
  bell_ = std::move(*bell);
  button_ = std::make_shared<const UniqueFd>(std::move(bell_.button));
}

void LogRelay::add(const std::shared_ptr<BlackBox>& box) {
  {
    const std::lock_guard guard(mutex_);
    std::erase_if(boxes_, [](const auto& other) { return other.expired(); });
    boxes_.push_back(box);
  }
  // It may have rung before it was known here.
  sync::Hardware::fence();
  if (box->has_news()) relay_later();
}

void LogRelay::on_bell() {
  os::silence(ear());
  relay_later();
}

void LogRelay::add_last_of(std::shared_ptr<BlackBox> box,
                           const std::optional<os::ExitStatus>& status) noexcept try {
  if (!box->finish(status)) return;
  notifier_.post([box = std::move(box)] { box->relay(); });
} catch (const std::bad_alloc&) {  // they are lost
}

void LogRelay::relay_later() {
  if (is_relay_due_.exchange(true)) return;
  notifier_.post([this] { relay(); });
}

void LogRelay::relay() {
  is_relay_due_.store(false);
  board_.log_epoch.fetch_add(1, std::memory_order_release);
  sync::Hardware::fence();  // pairs with the fence in WorkerLog::take: tell, then look
  for (const std::shared_ptr<BlackBox>& box : present()) box->relay();
}

std::vector<std::shared_ptr<BlackBox>> LogRelay::present() {
  std::vector<std::shared_ptr<BlackBox>> result;
  const std::lock_guard guard(mutex_);
  for (const std::weak_ptr<BlackBox>& box : boxes_) {
    if (std::shared_ptr<BlackBox> alive = box.lock()) result.push_back(std::move(alive));
  }
  return result;
}

}  // namespace shoal::pool
