// SPDX-License-Identifier: Apache-2.0
#include "shared/commons.hpp"

#include <array>
#include <utility>

#include "process/runtime.hpp"
#include "shoal/error.hpp"

namespace shoal::shared {

Commons& Commons::instance() {
  process::Runtime& runtime = process::Runtime::instance();
  const std::lock_guard guard(runtime.engine_mutex());
  std::shared_ptr<void>& slot = runtime.commons_slot();
  if (slot == nullptr) slot = std::shared_ptr<void>(new Commons, [](void*) {});
  return *static_cast<Commons*>(slot.get());
}

Hub& Commons::hub() {
  const std::lock_guard guard(mutex_);
  if (hub_ == nullptr) hub_ = std::make_unique<Hub>();
  return *hub_;
}

std::shared_ptr<const Membership> Commons::own_membership() {
  Hub& mine = hub();
  const std::lock_guard guard(mutex_);
  if (own_ == nullptr) {
    own_ = std::make_shared<const Membership>(Membership{mine.address(), Hub::kHost, true});
  }
  return own_;
}

Tether& Commons::tether() {
  const std::lock_guard guard(mutex_);
  if (tether_ == nullptr) tether_ = std::make_unique<Tether>();
  return *tether_;
}

std::shared_ptr<const Membership> Commons::join(const HubAddress& address) {
  const std::lock_guard joining(joining_);
  {
    const std::lock_guard guard(mutex_);
    if (hub_ != nullptr && hub_->address().hub == address.hub) return own_;
    const auto found = memberships_.find(address.hub);
    if (found != memberships_.end()) return found->second;
  }
  Tether& line = tether();
  const std::array<int, 1> ride{line.far_end()};
  const Tether::Reply reply = line.ask(address, Question{.ask = Ask::join}, ride);
  const std::uint32_t id = reply.answer.participant;
  if (id <= Hub::kHost || id > sync::kLastParticipant) {
    throw CodecError("the owner of a shared object gave an impossible answer");
  }
  auto joined = std::make_shared<const Membership>(
      Membership{address, static_cast<sync::ParticipantId>(id), false});
  const std::lock_guard guard(mutex_);
  memberships_.emplace(address.hub, joined);
  return joined;
}

std::uint64_t Commons::draw_token() {
  const std::lock_guard guard(mutex_);
  std::uint64_t drawn = 0;
  while (drawn == 0) drawn = std::uint64_t{lots_()} << 32 | lots_();
  return drawn;
}

// --- objects ------------------------------------------------------------------------------------

std::shared_ptr<Object> Commons::find(const ObjectId& id) {
  const std::lock_guard guard(mutex_);
  const auto found = objects_.find(id);
  return found == objects_.end() ? nullptr : found->second.object.lock();
}

std::shared_ptr<Object> Commons::enter(const std::shared_ptr<Object>& object) {
  const std::lock_guard guard(mutex_);
  Entry& entry = objects_[object->id()];
  std::shared_ptr<Object> present = entry.object.lock();
  if (present != nullptr) return present;
  entry.object = object;
  return object;
}

void Commons::attach(const ObjectFile& file, const Membership& membership) {
  const std::lock_guard guard(mutex_);
  if (objects_[file.id].attached++ != 0) return;
  const sync::ParticipantId id = membership.id;
  file.page().users[id / 64].fetch_or(std::uint64_t{1} << (id % 64), std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the one in Hub::let_go
}

void Commons::detach(const ObjectFile& file, const Membership& membership) noexcept {
  const std::lock_guard guard(mutex_);
  const auto found = objects_.find(file.id);
  if (--found->second.attached != 0) return;
  objects_.erase(found);
  const sync::ParticipantId id = membership.id;
  // release: what this process did to the object comes before the hub lets go of it
  file.page().users[id / 64].fetch_and(~(std::uint64_t{1} << (id % 64)), std::memory_order_release);
  if (membership.is_own) hub_->consider(file.id.number);
}

}  // namespace shoal::shared
