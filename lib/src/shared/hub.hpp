// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "os/event.hpp"
#include "os/socket.hpp"
#include "shared/membership.hpp"
#include "shared/object_file.hpp"

namespace shoal::shared {

/// The home of the objects that this process has made: gives their users ids, watches over them,
/// and repairs what they leave when they die.
///
/// Begins its thread with the first object that leaves the process; the thread sleeps until
/// somebody joins or dies. What users say is checked: the kernel names the speaker, and nothing
/// that stands in an object is believed. Dies with the process; nobody repairs after that. Safe
/// from many threads. Never destroyed.
class Hub {
 public:
  /// The id of the hub's own process.
  static constexpr sync::ParticipantId kHost = 1;

  /// @throws ResourceError  no descriptors are left
  Hub();

  const HubAddress& address() const noexcept { return address_; }
  std::uint64_t next_number();

  /// From now on the object is repaired; does nothing the second time.
  /// @throws ResourceError  the thread cannot be started
  void adopt(const ObjectFile& object);
  /// Lets go of the object if nobody has it any more.
  void consider(std::uint64_t number) noexcept;

  /// Keeps descriptors until they are claimed, or the object they were meant for goes.
  void deposit(std::uint64_t number, std::uint64_t token, Descriptors descriptors);
  Descriptors claim(std::uint64_t token);

 private:
  struct Deposit {
    std::uint64_t number;
    Descriptors descriptors;
  };
  struct Participant {
    int pid;
    os::Fd sentinel;
    os::Fd tether;
  };

  void serve() noexcept;
  void handle(std::uint64_t key);
  void hear();
  Answer respond(const Question& question, os::Message& message, Descriptors& riders);
  void reply(int pid, const Answer& answer, const Descriptors& riders);
  sync::ParticipantId join(int pid, os::Fd tether);
  sync::ParticipantId free_id() const;
  Participant* find(int pid);
  void adopt_files(std::uint64_t number, std::vector<os::Fd> fds);
  void end_tether(sync::ParticipantId id);
  void bury(sync::ParticipantId id) noexcept;
  void repair(const ObjectFile& object, sync::ParticipantId dead) noexcept;
  void adopt_locked(const ObjectFile& object);
  bool let_go(const ObjectFile& object) noexcept;
  void sweep() noexcept;

  HubAddress address_;
  os::Fd ear_;  // the other side of the door
  os::Poller poller_;

  std::mutex mutex_;
  bool is_served_ = false;  // guarded by mutex_, as all below
  std::uint64_t numbers_ = 0;
  std::map<std::uint64_t, ObjectFile> adopted_;
  std::size_t sweep_at_ = 64;  // so many adopted: time to look
  std::map<std::uint64_t, Deposit> deposits_;
  std::map<sync::ParticipantId, Participant> participants_;
  sync::ParticipantId last_id_ = kHost;
};

}  // namespace shoal::shared
