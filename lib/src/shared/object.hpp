// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "base/deadline.hpp"
#include "os/fd.hpp"
#include "shared/object_file.hpp"
#include "shoal/reader.hpp"
#include "shoal/writer.hpp"
#include "sync/eventcount.hpp"
#include "sync/hardware.hpp"
#include "sync/participant.hpp"
#include "sync/spin_history.hpp"

namespace shoal::shared {

struct HubAddress;
struct Membership;

/// What a new object is to be.
struct ObjectOptions {
  Kind kind = Kind::queue;
  std::uint64_t type = 0;    ///< type_hash() of what it carries; 0: nothing
  std::size_t bytes = 0;     ///< of memory behind the header, zeroed
  bool has_bell = false;     ///< a descriptor for those who wait for several things
  bool is_reserved = false;  ///< all of its memory is taken now, and not at somebody's touch
};

/// How a wait ended.
enum class Awaited { yes, timed_out, hub_died };

/// One shared object as this process uses it: a mapped file, and who this process is among its
/// users. What derives from it (a LockState, a QueueState) adds what its threads share in private.
///
/// There is one for each object in a process, found by its id: handles that arrive are the same
/// object as those that are here. An object belongs to the hub of the process that made it, which
/// repairs what other users leave when they die. In a forked copy of the process it does nothing,
/// and self() throws.
/// Safe from many threads.
class Object {
 public:
  /// Made by create() and receive() alone.
  struct Parts {
    ObjectFile file;
    std::shared_ptr<const UniqueFd> descriptor;
    std::shared_ptr<const Membership> membership;
  };

  explicit Object(Parts parts);
  virtual ~Object();
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  const ObjectId& id() const noexcept { return parts_.file.id; }
  const ObjectFile& file() const noexcept { return parts_.file; }
  /// type_hash() of what it carries.
  std::uint64_t type() const noexcept { return parts_.file.type; }
  /// The object's memory behind its header; on a page's boundary.
  std::span<std::byte> memory() const noexcept { return memory_; }

  /// Who this process is among the object's users; one load and a compare.
  /// @throws ClosedError  this process is a forked copy of the one that the handle belongs to
  sync::ParticipantId self(const char* call) const;

  /// True in the process that made it.
  bool is_own() const noexcept;
  /// How its hub is reached.
  const HubAddress& hub() const noexcept;
  /// True in a forked copy of the process that has the object.
  bool is_copy() const noexcept;
  bool is_hub_alive() const noexcept;
  /// The process that made it.
  int hub_pid() const noexcept;

  /// Calls `look` until it returns true, sleeping on `changes` between: polls first where that has
  /// paid of late, with up to `most_pauses` between two looks. Looks again every kSecondLook, in
  /// case that who was woken has stopped, or that the hub has died.
  template <class Look>
  Awaited await(sync::Eventcount<sync::Hardware>& changes, base::Deadline deadline, Look&& look,
                unsigned most_pauses = 1) {
    if (look()) return Awaited::yes;
    if (deadline.is_past()) return Awaited::timed_out;
    if (poll(look, most_pauses)) return Awaited::yes;
    while (!deadline.is_past()) {
      const auto key = changes.prepare();
      if (look()) return Awaited::yes;
      sleep(changes, key, deadline);
      if (look()) return Awaited::yes;
      if (!is_hub_alive()) return look() ? Awaited::yes : Awaited::hub_died;
    }
    return Awaited::timed_out;
  }

  /// Sooner of `deadline` and kSecondLook from now: how long to sleep at once.
  static base::Deadline second_look(base::Deadline deadline) noexcept;

  /// Writes a handle of this object: its id, and the descriptors by which another process joins.
  void encode(Writer& writer) const;

  /// The descriptor to ring when something has been published and somebody waits for several
  /// things; -1: none.
  int bell() const noexcept { return parts_.file.bell ? parts_.file.bell->get() : -1; }

 private:
  /// How long a poll lasts: about what a sleep and a wake-up cost.
  static constexpr Duration kSpin = std::chrono::microseconds(20);
  static constexpr unsigned kPausesPerClock = 64;

  template <class Look>
  bool poll(Look& look, unsigned most_pauses) {
    if (!may_poll()) return false;
    std::optional<base::Deadline> end;  // the clock is read only once the first looks were in vain
    unsigned pauses = 1;
    do {
      for (unsigned paused = 0; paused < kPausesPerClock; paused += pauses) {
        for (unsigned i = 0; i < pauses; ++i) sync::Hardware::relax();
        if (look()) return polled(true);
        pauses = std::min(2 * pauses, most_pauses);
      }
      if (!end) end = base::Deadline::in(kSpin);
    } while (!end->is_past());
    return polled(false);
  }

  bool may_poll();
  bool polled(bool has_found);
  void sleep(const sync::Eventcount<sync::Hardware>& changes, std::uint32_t key,
             base::Deadline deadline);

  const Parts parts_;
  const std::span<std::byte> memory_;
  const std::uint32_t generation_;
  std::mutex polling_;
  sync::SpinHistory spin_history_;               // guarded by polling_
  std::atomic<bool> has_polled_in_vain_{false};  // of late; while not, no lock is taken
};

/// Makes a new object of this process's hub.
/// @throws ResourceError  no memory or descriptors are left
Object::Parts create(const ObjectOptions& options);

/// Reads a handle. `make` gives the object of a process's first handle its shape; it may throw
/// CodecError where the memory is not what it should be.
/// @throws CodecError     it is no handle of such an object   @throws ClosedError  its hub is dead
/// @throws ResourceError  no memory or descriptors are left
std::shared_ptr<Object> receive(Reader& reader, Kind kind, std::uint64_t type,
                                std::shared_ptr<Object> (*make)(Object::Parts parts));

/// Enters a new object where its handles will find it.
void enter(const std::shared_ptr<Object>& object);

/// A new object whose state here is a `State`.
template <class State, class... Args>
std::shared_ptr<State> create_object(const ObjectOptions& options, Args&&... args) {
  auto object = std::make_shared<State>(create(options), std::forward<Args>(args)...);
  enter(object);
  return object;
}

/// The object that a handle stands for.
template <class State>
std::shared_ptr<State> receive_object(Reader& reader, Kind kind, std::uint64_t type = 0) {
  return std::static_pointer_cast<State>(
      receive(reader, kind, type, [](Object::Parts parts) -> std::shared_ptr<Object> {
        return std::make_shared<State>(std::move(parts));
      }));
}

}  // namespace shoal::shared
