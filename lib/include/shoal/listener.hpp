// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "shoal/auth_key.hpp"
#include "shoal/connection.hpp"
#include "shoal/duration.hpp"

namespace shoal {

/// Waits at an address for programs that connect() to it, and gives a Connection to each.
///
/// Addresses are "unix:/path", "tcp:host:port" (port 0: any that is free) and "tcp:[::1]:port";
/// "unix:" alone makes a folder with a name that nobody can guess, which address() tells.
///
/// Unix sockets serve processes of the same user (and of root): folders that are missing are made
/// for this user alone, the socket is, too, and the kernel is asked who is at the other end. Values
/// with handles and descriptors may be sent. What a killed listener has left behind is removed.
/// TCP carries neither handles nor descriptors, and nothing is encrypted; with a key every message
/// is proved to be the other side's, and the next. An address that other machines reach needs one.
///
/// With a key both sides prove that they know it before anything else is said: each client has 5 s
/// for that, and one that says nothing delays no other.
///
/// A handle within this process: copies are the same listener; it cannot be an argument. close(),
/// or the last handle's end, removes the socket's name. In a copy of the process made by a bare
/// fork() members throw ClosedError. Safe from many threads.
/// Source: Python multiprocessing.connection.Listener.
class Listener {
 public:
  /// A closed listener.
  Listener() = default;
  /// Begins to listen; clients may connect from now on.
  /// @throws std::invalid_argument  `address` is none, or other machines reach it and there is no
  ///                                key
  /// @throws Error  the address is in use, or not to be had: code() is the system's
  explicit Listener(std::string_view address, AuthKey key = {});

  /// Waits for the next client that has passed.
  /// @throws AuthenticationError  one did not know the key, has none or asks for one; the next call
  ///                              goes on with others
  /// @throws CodecError     one speaks another version, or its machine is of another kind; likewise
  /// @throws ClosedError    the listener is closed, or was meanwhile
  /// @throws ResourceError  there is no descriptor left for a client
  Connection accept() const;
  /// The same for `timeout` at most; none then.
  std::optional<Connection> accept_for(Duration timeout) const;

  /// Gives the address that connect() takes, with the port or path that was chosen.
  const std::string& address() const;

  /// Ends it, also for threads that wait in accept(). Connections stay. Does nothing the second
  /// time.
  void close() const noexcept;
  bool closed() const noexcept;

 private:
  friend class Waitable;
  struct State;

  State& open_state(const char* call) const;
  int waitable_fd() const;  // readable while accept() has something to do

  std::shared_ptr<State> state_;
};

/// Connects to a Listener's address, with its key if it has one.
///
/// Without a key it does not wait for the listener to accept: messages may be sent at once. If the
/// listener asks for one, the first recv(), or a send() later, throws AuthenticationError.
/// @param timeout  for all of it, but for asking a name server
/// @throws std::invalid_argument  `address` is none
/// @throws AuthenticationError    the other side does not know the key, or has none, or is another
///                                user's
/// @throws CodecError             the other side speaks another version
/// @throws EndOfStreamError       the other side hung up instead of proving the key
/// @throws TimeoutError           `timeout` passed
/// @throws Error                  nobody listens there: code() is the system's
/// Source: Python multiprocessing.connection.Client.
Connection connect(std::string_view address, const AuthKey& key = {}, Duration timeout = forever);

}  // namespace shoal
