// SPDX-License-Identifier: Apache-2.0
#include <cstring>
#include <mutex>
#include <string>

#include "base/or_resource_error.hpp"
#include "base/scope_exit.hpp"
#include "channel/frame.hpp"
#include "channel/transport.hpp"
#include "os/network.hpp"

namespace shoal::channel {
namespace {

bool is_gone(const os::Failure& failure) noexcept {
  return failure.error == EPIPE || failure.error == ECONNRESET || failure.error == ETIMEDOUT;
}

class Stream : public Transport {
 public:
  Stream(std::shared_ptr<const UniqueFd> socket, Greeting greeting,
         const std::optional<StreamKeys>& keys)
      : Transport(std::move(socket)), greeting_(greeting), has_keys_(keys) {
    if (keys) keys_ = *keys;
  }
  ~Stream() override {
    wipe(keys_.to_send);
    wipe(keys_.to_receive);
  }

  void send(const Writer& message, std::uint64_t type) override;
  Received receive(std::size_t most) override;
  void encode(Writer& writer) override;

 private:
  std::span<const std::byte> key(const Mac& mac) const noexcept {
    return has_keys_ ? std::span<const std::byte>(mac) : std::span<const std::byte>();
  }
  std::size_t receive_some(std::span<std::byte> into, bool is_inside);
  void hear_greeting();
  void look_for_refusal();
  Received finish(FrameReader& frame);
  void hang_up() noexcept { os::shut_down(socket()->get(), 2); }

  std::mutex sending_;    // a frame goes whole; guards to_say, sent
  std::mutex receiving_;  // likewise; guards is_expected, received
  Greeting greeting_;
  const bool has_keys_;
  StreamKeys keys_;
};

void Stream::send(const Writer& message, std::uint64_t type) {
  if (!message.descriptors().empty()) {
    throw CodecError(
        "Connection::send: the value has a descriptor or a handle in it, which do not go over TCP; "
        "use a Unix socket");
  }
  const std::span<const std::byte> bytes = message.bytes();
  if (bytes.size() > FrameReader::kLargest) throw CodecError("Connection::send: it is too long");
  const std::lock_guard guard(sending_);
  std::span<const std::byte> ahead;
  if (greeting_.to_say) ahead = std::as_bytes(std::span(&*greeting_.to_say, 1));
  const std::vector<std::byte> frame =
      make_frame(ahead, {type, bytes.size()}, bytes, key(keys_.to_send), keys_.sent);
  const os::Result<void> sent = os::send_all(socket()->get(), frame);
  if (sent) {
    greeting_.to_say.reset();
    ++keys_.sent;
    return;
  }
  // Some of the frame may have gone: nothing can follow it.
  const base::ScopeExit end([&] { hang_up(); });
  if (!is_gone(sent.error())) base::throw_resource_error(sent.error(), "Connection::send");
  look_for_refusal();
  throw ClosedError(code_of(sent.error()), "Connection::send: no other end is left");
}

// A server that asks for a key says so and hangs up.
void Stream::look_for_refusal() {
  const std::unique_lock receiving(receiving_, std::try_to_lock);
  if (!receiving || !greeting_.is_expected) return;
  Hello hello;
  const auto into = std::as_writable_bytes(std::span(&hello, 1));
  const os::Result<std::size_t> size = os::peek(socket()->get(), into);
  if (size && *size == sizeof hello) check_greeting(hello);
}

std::size_t Stream::receive_some(std::span<std::byte> into, bool is_inside) {
  const os::Result<std::size_t> size = os::receive_some(socket()->get(), into, os::Wait::yes);
  if (!size && !is_gone(size.error())) {
    base::throw_resource_error(size.error(), "Connection::recv");
  }
  if (size && *size != 0) return *size;
  throw EndOfStreamError(is_inside
                             ? "Connection::recv: the stream has ended inside a message; what "
                               "came of it is gone"
                             : "Connection::recv: the stream has ended: no other end is left");
}

void Stream::hear_greeting() {
  if (!greeting_.is_expected) return;
  Hello hello{};
  const auto bytes = std::as_writable_bytes(std::span(&hello, 1));
  for (std::size_t size = 0; size < bytes.size();) {
    size += receive_some(bytes.subspan(size), size != 0);
  }
  greeting_.is_expected = false;
  base::ScopeExit end([&] { hang_up(); });
  check_greeting(hello);
  end.release();
}

Received Stream::receive(std::size_t most) {
  const std::lock_guard guard(receiving_);
  hear_greeting();
  FrameReader frame(key(keys_.to_receive), keys_.received);
  base::ScopeExit cut([&] { hang_up(); });  // what is left of a frame is no beginning of another
  for (std::span<std::byte> room = frame.room(); !room.empty(); room = frame.room()) {
    frame.filled(receive_some(room, frame.has_begun()));
    const std::optional<FrameHeader> header = frame.header();
    if (header && header->size > most) {
      Received too_large;
      too_large.type = header->type;
      too_large.size = header->size;
      return too_large;
    }
  }
  if (frame.is_impossible()) {
    throw CodecError("Connection::recv: a message that contradicts itself");
  }
  if (!frame.is_genuine()) {
    throw AuthenticationError(
        "Connection::recv: a message that the other side has not sent so: somebody between the two "
        "has changed, repeated or left out something");
  }
  cut.release();
  return finish(frame);
}

Received Stream::finish(FrameReader& frame) {
  ++keys_.received;
  Received received;
  received.type = frame.header()->type;
  received.size = frame.header()->size;
  received.view = frame.message();  // stays where it is as its vector moves
  received.owner = std::make_shared<const std::vector<std::byte>>(frame.take());
  return received;
}

void Stream::encode(Writer& writer) {
  const std::unique_lock receiving(receiving_, std::try_to_lock);
  if (!receiving) {
    throw CodecError("a Connection over TCP cannot be sent on while a thread receives from it");
  }
  const std::lock_guard sending(sending_);
  encode_greeting(writer, greeting_);
  writer.put(has_keys_);
  if (!has_keys_) return;
  writer.write(&keys_, sizeof keys_);
}

}  // namespace

std::shared_ptr<Transport> make_stream(std::shared_ptr<const UniqueFd> socket, Greeting greeting,
                                       const std::optional<StreamKeys>& keys) {
  return std::make_shared<Stream>(std::move(socket), greeting, keys);
}

}  // namespace shoal::channel
