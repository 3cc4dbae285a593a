// SPDX-License-Identifier: Apache-2.0
#include "shared/hub.hpp"

#include <algorithm>
#include <cerrno>
#include <random>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "base/or_resource_error.hpp"
#include "os/child.hpp"
#include "os/mapped_files.hpp"
#include "process/runtime.hpp"
#include "shared/recovery.hpp"
#include "shoal/error.hpp"

namespace shoal::shared {
namespace {

constexpr const char* kNeeds = "shared objects cannot be handed to other processes";

// Keys of what the thread waits for.
constexpr std::uint64_t kEar = 0;
constexpr std::uint64_t kTethers = 1ULL << 32;

std::uint64_t draw_hub() {
  std::random_device device;
  std::uint64_t drawn = 0;
  while (drawn == 0) drawn = std::uint64_t{device()} << 32 | device();
  return drawn;
}

bool has(const ObjectPage& page, sync::ParticipantId id) noexcept {
  return (page.users[id / 64].load(std::memory_order_acquire) >> (id % 64) & 1) != 0;
}

bool has_users(const ObjectPage& page) noexcept {
  for (const auto& word : page.users) {
    if (word.load(std::memory_order_acquire) != 0) return true;
  }
  return false;
}

}  // namespace

Hub::Hub() : poller_(base::or_resource_error(os::Poller::create(), kNeeds)) {
  auto [ear, door] =
      base::or_resource_error(os::create_socket_pair(os::SocketKind::messages), kNeeds);
  ear_ = base::or_resource_error(os::duplicate_high(ear.get()), kNeeds);
  base::or_resource_error(os::tell_senders(ear_.get()), kNeeds);
  base::or_resource_error(poller_.add(ear_.get(), kEar), kNeeds);
  address_ = {draw_hub(), os::process_id(), std::make_shared<const UniqueFd>(std::move(door)),
              process::Runtime::instance().own_sentinel()};
}

std::uint64_t Hub::next_number() {
  const std::lock_guard guard(mutex_);
  return ++numbers_;
}

void Hub::adopt(const ObjectFile& object) {
  const std::lock_guard guard(mutex_);
  if (!is_served_) {
    base::or_resource_error(
        process::Runtime::instance().start_own_thread("shoal-hub", [this] { serve(); }), kNeeds);
    is_served_ = true;
  }
  adopt_locked(object);
}

void Hub::adopt_locked(const ObjectFile& object) {
  if (!adopted_.emplace(object.id.number, object).second) return;
  object.page().is_adopted.store(1, std::memory_order_release);
  if (adopted_.size() >= sweep_at_) sweep();
}

void Hub::consider(std::uint64_t number) noexcept {
  const std::lock_guard guard(mutex_);
  const auto found = adopted_.find(number);
  if (found != adopted_.end() && let_go(found->second)) adopted_.erase(found);
}

// True if nobody has the object. Who comes later brings its file along and has it adopted anew.
bool Hub::let_go(const ObjectFile& object) noexcept {
  ObjectPage& page = object.page();
  if (has_users(page)) return false;
  page.is_adopted.store(0, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);  // pairs with the one in Commons::attach
  if (!has_users(page)) {
    std::erase_if(deposits_,
                  [&](const auto& each) { return each.second.number == object.id.number; });
    return true;
  }
  page.is_adopted.store(1, std::memory_order_release);
  return false;
}

void Hub::sweep() noexcept {
  std::erase_if(adopted_, [this](const auto& each) { return let_go(each.second); });
  sweep_at_ = std::max<std::size_t>(64, 2 * adopted_.size());
}

// --- deposits -----------------------------------------------------------------------------------

void Hub::deposit(std::uint64_t number, std::uint64_t token, Descriptors descriptors) {
  const std::lock_guard guard(mutex_);
  deposits_.insert_or_assign(token, Deposit{number, std::move(descriptors)});
}

Descriptors Hub::claim(std::uint64_t token) {
  const std::lock_guard guard(mutex_);
  const auto found = deposits_.find(token);
  if (found == deposits_.end()) return {};
  Descriptors descriptors = std::move(found->second.descriptors);
  deposits_.erase(found);
  return descriptors;
}

// --- the thread ---------------------------------------------------------------------------------

void Hub::serve() noexcept {
  for (;;) {
    try {
      const auto ready = poller_.wait(base::Deadline::never());
      if (!ready) throw Error("the hub cannot wait: " + ready.error().to_string());
      for (const std::uint64_t key : *ready) handle(key);
    } catch (const std::exception& error) {
      // Memory or descriptors are short: who asked asks in vain, the next one may not.
      base::log(LogLevel::warn, std::string("hub: ") + error.what());
    }
  }
}

void Hub::handle(std::uint64_t key) {
  if (key == kEar) return hear();
  const auto id = static_cast<sync::ParticipantId>(key);
  if (key >= kTethers) return end_tether(id);
  const std::lock_guard guard(mutex_);
  bury(id);
}

void Hub::hear() {
  Question question;
  os::Result<os::Message> message = os::receive_message(
      ear_.get(), std::as_writable_bytes(std::span(&question, 1)), os::Wait::no);
  if (!message || message->size != sizeof question || message->sender_pid == 0) return;
  const std::lock_guard guard(mutex_);
  Descriptors riders;
  Answer answer{address_.hub, question.nonce, 0, 0};
  if (question.version != kHubVersion) {
    answer.error = EPROTO;
  } else if (message->is_cut) {
    answer.error = EMFILE;  // what rode along did not fit this process
  } else {
    answer = respond(question, *message, riders);
  }
  reply(message->sender_pid, answer, riders);
}

Answer Hub::respond(const Question& question, os::Message& message, Descriptors& riders) {
  Answer answer{address_.hub, question.nonce, 0, 0};
  try {
    if (question.ask == Ask::join && message.fds.size() == 1) {
      answer.participant = join(message.sender_pid, std::move(message.fds[0]));
    } else if (find(message.sender_pid) == nullptr) {
      answer.error = EPERM;
    } else if (question.ask == Ask::adopt) {
      adopt_files(question.subject, std::move(message.fds));
    } else if (question.ask == Ask::deposit && adopted_.contains(question.subject)) {
      for (os::Fd& fd : message.fds) {
        riders.push_back(std::make_shared<const UniqueFd>(std::move(fd)));
      }
      deposits_.insert_or_assign(question.token,
                                 Deposit{question.subject, std::exchange(riders, {})});
    } else if (question.ask == Ask::claim && deposits_.contains(question.token)) {
      riders = std::move(deposits_.extract(question.token).mapped().descriptors);
    } else {
      answer.error = EINVAL;
    }
  } catch (const std::exception& error) {
    base::log(LogLevel::warn, std::string("hub: ") + error.what());
    answer.error = ENOMEM;
  }
  return answer;
}

// Who does not read its answers gets none: the hub waits for nobody.
void Hub::reply(int pid, const Answer& answer, const Descriptors& riders) {
  const Participant* const to = find(pid);
  if (to == nullptr) return;
  std::vector<int> fds;
  for (const auto& rider : riders) fds.push_back(rider->get());
  static_cast<void>(
      os::send_message(to->tether.get(), std::as_bytes(std::span(&answer, 1)), fds, os::Wait::no));
}

Hub::Participant* Hub::find(int pid) {
  for (auto& [id, participant] : participants_) {
    if (participant.pid == pid) return &participant;
  }
  return nullptr;
}

// The pid is the kernel's word and cannot be another's by now: if the speaker has died since, its
// tether has ended too, and is found so.
sync::ParticipantId Hub::join(int pid, os::Fd tether) {
  for (auto& [id, participant] : participants_) {
    if (participant.pid != pid) continue;
    bury(id);  // it has executed another program, and its old tether has not been looked at yet
    break;
  }
  os::Result<os::Fd> sentinel = os::open_sentinel(pid);
  if (!sentinel && sentinel.error().error == ESRCH) return sync::kNobody;  // dead already
  const sync::ParticipantId id = free_id();
  Participant joined{pid, base::or_resource_error(std::move(sentinel), kNeeds), std::move(tether)};
  base::or_resource_error(poller_.add(joined.sentinel.get(), id), kNeeds);
  const os::Result<void> watched = poller_.add(joined.tether.get(), kTethers + id);
  if (!watched) {
    poller_.remove(joined.sentinel.get());
    base::or_resource_error(watched, kNeeds);
  }
  poller_.watch_for_end(joined.tether.get(), kTethers + id);
  participants_.emplace(id, std::move(joined));
  last_id_ = id;
  return id;
}

// The one after the last, so that an id rests for as long as can be before it is used again.
sync::ParticipantId Hub::free_id() const {
  sync::ParticipantId id = last_id_;
  for (std::uint32_t i = 0; i < sync::kLastParticipant; ++i) {
    id = id >= sync::kLastParticipant ? kHost + 1 : id + 1;
    if (!participants_.contains(id)) return id;
  }
  throw ResourceError("the objects of one process are used by 16382 others already");
}

void Hub::adopt_files(std::uint64_t number, std::vector<os::Fd> fds) {
  if (fds.empty() || fds.size() > 2 || adopted_.contains(number)) return;
  ObjectFile object = map_object_file(fds[0].get(), {address_.hub, number});
  if (fds.size() == 2) object.bell = std::make_shared<const UniqueFd>(std::move(fds[1]));
  adopt_locked(object);
}

// --- deaths -------------------------------------------------------------------------------------

// A process that has closed all its descriptors lives on, and so does what it has: its pidfd tells
// of its end. One that executes another program has nothing any more.
void Hub::end_tether(sync::ParticipantId id) {
  const std::lock_guard guard(mutex_);
  const auto found = participants_.find(id);
  if (found == participants_.end()) return;
  poller_.remove(found->second.tether.get());
  if (!os::may_map(found->second.pid, kObjectName)) bury(id);
}

void Hub::bury(sync::ParticipantId id) noexcept {
  const auto found = participants_.find(id);
  if (found == participants_.end()) return;
  poller_.remove(found->second.sentinel.get());
  poller_.remove(found->second.tether.get());
  for (const auto& [number, object] : adopted_) repair(object, id);
  participants_.erase(found);
  sweep();
}

void Hub::repair(const ObjectFile& object, sync::ParticipantId dead) noexcept {
  if (!has(object.page(), dead)) return;
  const Recovery recovery{object.mapping->bytes().subspan(kHeaderBytes), dead,
                          [this](std::uint64_t token) { deposits_.erase(token); }};
  recover(object.kind, recovery);
  object.page().users[dead / 64].fetch_and(~(std::uint64_t{1} << (dead % 64)));
  wake_all(object.kind, recovery.memory, object.bell ? object.bell->get() : -1);
}

}  // namespace shoal::shared
