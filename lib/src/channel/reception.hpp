// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/deadline.hpp"
#include "channel/exchange.hpp"
#include "channel/socket_file.hpp"
#include "os/event.hpp"
#include "shoal/auth_key.hpp"

namespace shoal::channel {

/// Where clients of a listening socket are let in, many at a time: none of them is waited for, so
/// one that says nothing keeps no other waiting.
///
/// A client has kPatience for its handshake. At most kMostClients are at it; for a further one, the
/// oldest that has said nothing goes.
/// Safe from many threads.
class Reception {
 public:
  static constexpr Duration kPatience = std::chrono::seconds(5);
  static constexpr std::size_t kMostClients = 128;

  struct Parts {
    os::Fd listening;
    os::SocketKind kind;
    std::optional<SocketFile> file;
    AuthKey key;
  };
  /// @throws ResourceError
  explicit Reception(Parts parts);

  /// Waits for a client that has passed; none at `deadline`.
  /// @throws AuthenticationError, CodecError  one was refused   @throws ClosedError
  /// @throws ResourceError  there is no descriptor for a client
  std::shared_ptr<Transport> accept(base::Deadline deadline);

  /// Ends it, also for who waits; the socket's name is gone.
  void close() noexcept;
  bool is_closed() const noexcept;

  /// A descriptor that is readable while there may be something for accept() to do.
  int fd() const noexcept { return poller_.fd(); }

 private:
  struct Client {
    os::Fd socket;
    Handshake handshake;
    base::Deadline deadline;
  };
  using Clients = std::map<std::uint64_t, Client>;  // by arrival

  base::Deadline first_expiry() const;
  std::shared_ptr<Transport> serve(const std::vector<std::uint64_t>& keys);
  std::shared_ptr<Transport> advance(Clients::iterator client);
  std::shared_ptr<Transport> admit();
  std::optional<os::Fd> next_client();
  bool is_welcome(const os::Fd& client) const;
  void drop_expired();
  void make_room();
  void drop(Clients::iterator client, const char* why) noexcept;

  mutable std::mutex mutex_;  // guards what follows but the poller's waiting; nobody waits under it
  os::Fd listening_;          // none once closed
  const os::SocketKind kind_;
  std::optional<SocketFile> file_;
  const AuthKey key_;
  os::Fd wake_;
  os::Poller poller_;
  Clients clients_;
  std::uint64_t next_key_;
};

}  // namespace shoal::channel
