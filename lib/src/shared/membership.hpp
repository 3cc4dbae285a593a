// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "os/fd.hpp"
#include "os/sentinel.hpp"
#include "shared/hub_protocol.hpp"
#include "sync/participant.hpp"

namespace shoal::shared {

using Descriptors = std::vector<std::shared_ptr<const UniqueFd>>;

/// How a hub is reached: what every handle carries beside its object's file.
struct HubAddress {
  std::uint64_t hub = 0;
  int pid = 0;
  std::shared_ptr<const UniqueFd> door;      ///< questions go in there
  std::shared_ptr<const UniqueFd> sentinel;  ///< pidfd of the process whose hub it is
};

/// This process among the users of a hub's objects.
struct Membership {
  HubAddress address;
  sync::ParticipantId id = sync::kNobody;
  bool is_own = false;  ///< the hub is this process's

  bool is_hub_alive() const noexcept { return is_own || !os::has_ended(address.sentinel->get()); }
};

/// The line on which hubs answer this process: one for all of them. Safe from many threads; one
/// asks at a time.
class Tether {
 public:
  /// @throws ResourceError  no descriptors are left, or a sandbox forbids to make a socket
  Tether();

  struct Reply {
    Answer answer;
    std::vector<os::Fd> fds;
  };

  /// Asks and waits for the answer.
  /// @throws ClosedError    the hub's process is dead
  /// @throws ResourceError  the hub says so, or descriptors are lacking
  Reply ask(const HubAddress& hub, Question question, std::span<const int> fds);

  /// The end that hubs are given.
  int far_end() const noexcept { return theirs_.get(); }

 private:
  Reply await_answer(const HubAddress& hub, std::uint64_t nonce);

  std::mutex mutex_;
  std::uint64_t nonce_ = 0;  // guarded by mutex_
  os::Fd ours_;
  os::Fd theirs_;
};

}  // namespace shoal::shared
