// SPDX-License-Identifier: Apache-2.0
#include "channel/transport.hpp"

#include <string>

#include "os/network.hpp"

namespace shoal::channel {

[[noreturn]] void throw_refusal(std::string_view call, Refusal why) {
  const std::string text = std::string(call) + ": ";
  switch (why) {
    case Refusal::version:
      throw CodecError(text +
                       "the other side speaks another version of the protocol; build both "
                       "with the same version of shoal");
    case Refusal::machine:
      throw CodecError(text + "the other side's machine has another byte order or word size");
    case Refusal::key_missing:
      throw AuthenticationError(text +
                                "the other side has no key, and this side has one; give the "
                                "same AuthKey to both");
    case Refusal::key_unexpected:
      throw AuthenticationError(text + "the other side asks for a key, and none was given here");
    case Refusal::wrong_key:
      throw AuthenticationError(text + "the other side has another key");
    default:
      throw CodecError(text + "the other side does not speak shoal's protocol");
  }
}

void check_greeting(const Hello& hello) {
  const Refusal why = judge(hello, Side::server, false);
  if (why != Refusal::none) throw_refusal("Connection", why);
}

void encode_greeting(Writer& writer, const Greeting& greeting) {
  writer.put(greeting.is_expected);
  writer.put(greeting.to_say.has_value());
  if (greeting.to_say) writer.write(&*greeting.to_say, sizeof *greeting.to_say);
}

Greeting decode_greeting(Reader& reader) {
  Greeting greeting;
  greeting.is_expected = reader.get<bool>();
  if (reader.get<bool>()) reader.read(&greeting.to_say.emplace(), sizeof(Hello));
  return greeting;
}

std::shared_ptr<Transport> Transport::decode(Reader& reader) {
  std::shared_ptr<const UniqueFd> socket = reader.take_fd();
  const Greeting greeting = decode_greeting(reader);
  if (os::is_unix_socket(socket->get(), os::SocketKind::messages)) {
    return make_packets(std::move(socket), greeting);
  }
  if (!os::is_tcp_socket(socket->get())) {
    throw CodecError("a Connection arrived with a descriptor that is no socket of messages");
  }
  std::optional<StreamKeys> keys;
  if (reader.get<bool>()) reader.read(&keys.emplace(), sizeof(StreamKeys));
  return make_stream(std::move(socket), greeting, keys);
}

}  // namespace shoal::channel
