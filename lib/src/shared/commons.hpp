// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>

#include "shared/array_state.hpp"
#include "shared/hub.hpp"
#include "shared/membership.hpp"
#include "shared/memories.hpp"
#include "shared/object.hpp"

namespace shoal::shared {

/// What a process has in common with others: its hub, what it is to other hubs, and the objects
/// that it has, by their ids. One a process, kept by process::Runtime, and never destroyed; a
/// forked child begins with a fresh one. Safe from many threads.
class Commons {
 public:
  static Commons& instance();

  /// This process's hub, begun at first need.
  Hub& hub();
  /// This process among the users of its own objects.
  std::shared_ptr<const Membership> own_membership();
  /// This process among the users of another's objects; joins at first need.
  std::shared_ptr<const Membership> join(const HubAddress& address);
  /// The line to hubs. Made at first need, or by who is about to be forbidden to make one.
  Tether& tether();

  /// Shared memory that is no object of any hub's.
  Memories& memories() noexcept { return shared_; }

  /// A number that names what is left with a hub: by lot, so that no two processes draw the same.
  std::uint64_t draw_token();

  /// The shared arrays that this process has.
  ArrayMaps& arrays() noexcept { return arrays_; }

  /// The object of that id, if this process has it.
  std::shared_ptr<Object> find(const ObjectId& id);
  /// Enters an object; gives the one that another thread has entered meanwhile, if any.
  std::shared_ptr<Object> enter(const std::shared_ptr<Object>& object);
  /// Counts an Object, which its file then says to have a user here, and discounts it.
  void attach(const ObjectFile& file, const Membership& membership);
  void detach(const ObjectFile& file, const Membership& membership) noexcept;

 private:
  struct Entry {
    std::weak_ptr<Object> object;
    unsigned attached = 0;  // while one goes, another may come: the file has one bit for all
  };

  std::mutex mutex_;  // guards what follows
  std::unique_ptr<Hub> hub_;
  std::unique_ptr<Tether> tether_;
  std::shared_ptr<const Membership> own_;
  std::map<std::uint64_t, std::shared_ptr<const Membership>> memberships_;  // by hub
  std::map<ObjectId, Entry> objects_;
  std::random_device lots_;
  Memories shared_;
  std::mutex joining_;  // held while a hub is asked
  ArrayMaps arrays_;
};

}  // namespace shoal::shared
