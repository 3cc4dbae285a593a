// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "shoal/codec.hpp"
#include "shoal/duration.hpp"

namespace shoal {

class Connection;

namespace channel {
class Transport;
}
namespace internal {
class ConnectionMaker;
}

/// Whether both ends of a pipe may send.
enum class Duplex : bool { no, yes };

/// Makes a pipe and gives its two ends; with Duplex::no, the first receives and the second sends.
/// @throws ResourceError  no descriptors are left
/// Source: Python multiprocessing.Pipe.
std::pair<Connection, Connection> pipe(Duplex duplex = Duplex::yes);

/// One end of a pipe that carries whole messages: values, or bytes.
///
/// A message is handed over in one step, whatever its size: a process killed while it sends or
/// receives leaves no half of one behind, and messages never merge. Up to 64 KiB travel through the
/// socket; larger ones in a shared file, mapped by the receiver. About 250 messages may wait to be
/// received, then send() blocks.
///
/// A handle: copies are the same end, and it may be an argument, a result or a member of one. The
/// stream ends when every process has closed its copy of the other end, or died.
/// One of connect() or a Listener is such an end, too. Over TCP (listener.hpp) it carries neither
/// handles nor descriptors, a large message goes through the socket, and what a process was killed
/// in the middle of sending is lost, which EndOfStreamError says; sent on to another process, only
/// that one may go on using it.
/// One thread may send while another receives. close() does not end a recv() or poll() in which
/// another thread waits: closing the other end does. In a copy of the process made by a bare fork()
/// its members throw ClosedError. Source: Python multiprocessing.connection.Connection.
class Connection {
 public:
  /// A closed connection.
  Connection() = default;

  /// Sends `value`; string literals go as std::string.
  /// @throws CodecError     the value cannot be sent, or has too many descriptors
  /// @throws ClosedError    this end is closed or only receives, or no other end is left
  /// @throws ResourceError  no memory or descriptors are left for a large message
  template <class T>
  void send(const T& value) const {
    using Sent = std::conditional_t<std::is_convertible_v<const T&, const char*>, std::string,
                                    std::remove_cvref_t<T>>;
    Writer message;
    message.put<Sent>(value);
    send_message(message, type_hash<Sent>());
  }

  /// Receives the next value, waiting for it.
  /// @throws CodecError        the message holds another type, or bytes; it is gone
  /// @throws EndOfStreamError  no other end is left, and all messages have been received
  /// @throws ClosedError       this end is closed or only sends
  /// @throws AuthenticationError  over TCP: the message is not what the other side has sent; or,
  ///                           without a key, the listener asks for one
  template <class T>
  T recv() const {
    const Message message = receive_message(type_hash<T>(), internal::type_name<T>());
    Reader reader(message.bytes(), message.descriptors);
    T value = reader.get<T>();
    reader.finish();
    return value;
  }

  /// Sends bytes as one message; none at all is a message too. Errors as send().
  void send_bytes(std::span<const std::byte> bytes) const;

  /// Receives the next message of bytes, waiting for it. One longer than `max` bytes throws
  /// CodecError and closes this end. Errors else as recv().
  std::vector<std::byte> recv_bytes(
      std::size_t max = std::numeric_limits<std::size_t>::max()) const;

  /// Receives the next message of bytes into `buffer` and gives its length. One that does not fit
  /// throws CodecError and is gone. Errors else as recv().
  std::size_t recv_bytes_into(std::span<std::byte> buffer) const;

  /// Waits until there is something to receive, or the stream has ended; false if `timeout` passed
  /// first. Another reader may be faster.
  bool poll(Duration timeout = Duration::zero()) const;

  /// The descriptor, for poll(2) and the like.
  /// @throws ClosedError
  int fileno() const;

  /// Closes this end in this process; other processes keep theirs. Does nothing the second time.
  void close() const noexcept;
  bool closed() const noexcept;
  /// False for the sending end of a pipe with Duplex::no.
  bool readable() const noexcept;
  /// False for the receiving end of a pipe with Duplex::no.
  bool writable() const noexcept;

 private:
  struct State;
  friend struct Codec<Connection>;
  friend class internal::ConnectionMaker;

  /// One message as it came, and what its bytes stand in.
  struct Message {
    std::span<const std::byte> bytes() const noexcept { return view; }
    std::span<const std::byte> view;
    std::shared_ptr<const void> owner;
    std::vector<std::shared_ptr<const UniqueFd>> descriptors;
    std::uint64_t size = 0;  // more than asked for: the bytes are left out
  };

  explicit Connection(std::shared_ptr<State> state) : state_(std::move(state)) {}
  void send_message(const Writer& message, std::uint64_t type) const;
  Message receive_message(std::uint64_t type, const char* type_name,
                          std::size_t most = std::numeric_limits<std::size_t>::max()) const;
  std::shared_ptr<channel::Transport> open_transport(const char* call) const;

  std::shared_ptr<State> state_;
};

template <>
struct Codec<Connection> {
  static void encode(Writer& writer, const Connection& connection);
  static Connection decode(Reader& reader);
};

}  // namespace shoal
