// SPDX-License-Identifier: Apache-2.0
// Keys, and what goes over TCP.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <future>
#include <shoal/error.hpp>
#include <shoal/listener.hpp>
#include <shoal/wait_any.hpp>
#include <thread>

#include "channel/frame.hpp"
#include "os/event.hpp"
#include "unit/channel/raw_peer.hpp"

namespace shoal {
namespace {

using namespace std::chrono_literals;
using namespace test;

// --- keys ----------------------------------------------------------------------------------------

class ListenerKeyTest : public testing::TestWithParam<const char*> {};

TEST_P(ListenerKeyTest, AnotherKeyIsRefusedOnBothSidesAndTheNextIsServed) {
  const Listener listener(GetParam(), "secret");
  auto wrong = std::async(std::launch::async, [&] { connect(listener.address(), "Secret"); });
  EXPECT_THROW(listener.accept(), AuthenticationError);
  EXPECT_THROW(wrong.get(), AuthenticationError);
  auto right =
      std::async(std::launch::async, [&] { return connect(listener.address(), "secret"); });
  EXPECT_NO_THROW(listener.accept());
  EXPECT_NO_THROW(right.get());
}

TEST_P(ListenerKeyTest, AKeyOnTheClientsSideOnlyIsRefusedOnBoth) {
  const Listener listener(GetParam());
  auto client = std::async(std::launch::async, [&] { connect(listener.address(), "secret"); });
  EXPECT_THROW(listener.accept(), AuthenticationError);
  EXPECT_THROW(client.get(), AuthenticationError);
}

TEST_P(ListenerKeyTest, AKeyOnTheServersSideOnlyIsRefusedOnBoth) {
  const Listener listener(GetParam(), "secret");
  const Connection receiver = connect(listener.address());
  receiver.send(1);
  EXPECT_THROW(listener.accept(), AuthenticationError);
  EXPECT_THROW(receiver.recv<int>(), AuthenticationError);
  const Connection sender = connect(listener.address());
  EXPECT_THROW(listener.accept(), AuthenticationError);
  EXPECT_THROW(for (;;) sender.send(1), AuthenticationError);
}

TEST_P(ListenerKeyTest, AServerThatSaysNothingIsATimeout) {
  const Listener listener(GetParam(), "secret");
  EXPECT_THROW(connect(listener.address(), "secret", 20ms), TimeoutError);
}

TEST_P(ListenerKeyTest, AServerThatHangsUpIsAnEnd) {
  const Listener listener(GetParam(), "secret");
  auto client = std::async(std::launch::async, [&] { connect(listener.address(), "secret"); });
  wait_any({listener});
  listener.close();
  try {
    client.get();
    FAIL();
  } catch (const EndOfStreamError&) {
  } catch (const Error& error) {  // it had not even sent its hello
    EXPECT_TRUE(error.code() == std::errc::connection_refused ||
                error.code() == std::errc::connection_reset ||
                error.code() == std::errc::no_such_file_or_directory)
        << error.what();
  }
}

INSTANTIATE_TEST_SUITE_P(, ListenerKeyTest, testing::Values("unix:", "tcp:127.0.0.1:0"),
                         [](const testing::TestParamInfo<const char*>& way) {
                           return std::string(way.param).substr(0, 3) == "tcp" ? "tcp" : "unix";
                         });

// --- TCP -----------------------------------------------------------------------------------------

TEST(ListenerStreamTest, HandlesDoNotGoOverTcp) {
  const Listener listener("tcp:127.0.0.1:0");
  const Connection client = connect(listener.address());
  const Connection server = listener.accept();
  const auto [a, b] = pipe();
  EXPECT_THROW(client.send(a), CodecError);
  client.send(1);
  EXPECT_EQ(server.recv<int>(), 1);
}

TEST(ListenerStreamTest, AStreamThatEndsInsideAMessageSaysSo) {
  const Listener listener("tcp:127.0.0.1:0");
  os::Fd client = connect_raw(listener.address());
  send_raw(client, bytes_of(client_hello(false)));
  const Connection server = listener.accept();
  const channel::FrameHeader header{0, 1000};
  send_raw(client, std::as_bytes(std::span(&header, 1)));
  send_raw(client, bytes_of(100));
  client.reset();
  try {
    server.recv_bytes();
    FAIL();
  } catch (const EndOfStreamError& error) {
    EXPECT_NE(std::string(error.what()).find("inside a message"), std::string::npos);
  }
  EXPECT_THROW(server.recv_bytes(), EndOfStreamError);
}

TEST(ListenerStreamTest, ImpossibleLengthsAreRefused) {
  const Listener listener("tcp:127.0.0.1:0");
  const os::Fd client = connect_raw(listener.address());
  send_raw(client, bytes_of(client_hello(false)));
  const Connection server = listener.accept();
  const channel::FrameHeader header{0, std::uint64_t{1} << 60};
  send_raw(client, std::as_bytes(std::span(&header, 1)));
  EXPECT_THROW(server.recv_bytes(), CodecError);
  EXPECT_THROW(server.recv_bytes(), EndOfStreamError);  // nothing can follow
}

TEST(ListenerStreamTest, TheFamilyOfIpv6IsServed) {
  try {
    const Listener listener("tcp:[::1]:0", "secret");
    auto client =
        std::async(std::launch::async, [&] { return connect(listener.address(), "secret"); });
    const Connection server = listener.accept();
    client.get().send(1);
    EXPECT_EQ(server.recv<int>(), 1);
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == std::errc::address_not_available ||
                error.code() == std::errc::address_family_not_supported)
        << error.what();  // a machine without it
  }
}

// Somebody between the two, who hands on what they say, and may change it.
class Relay {
 public:
  explicit Relay(const std::string& address) : listening_(listen()) {
    thread_ = std::jthread([this, address] {
      pollfd_wait();
      client_ = std::move(**os::accept_one(listening_.get()));
      server_ = connect_raw(address);
      run();
    });
  }
  std::string address() const { return "tcp:" + os::local_address(listening_.get())->to_string(); }
  /// From now on the next frame of the client's is sent on in this way.
  enum class Mischief { none, change, repeat, reflect };
  std::atomic<Mischief> mischief{Mischief::none};

 private:
  static os::Fd listen() { return std::move(*os::listen_at(os::resolve("127.0.0.1", 0)->front())); }
  void pollfd_wait() const {
    ASSERT_TRUE(os::wait_readable(listening_.get(), base::Deadline::never()));
  }
  void run() {
    const std::array<int, 2> ends{client_.get(), server_.get()};
    std::vector<std::byte> buffer(4096);
    for (;;) {
      const auto ready = os::wait_readable(ends, base::Deadline::never());
      for (const std::size_t at : *ready) {
        const auto size = os::receive_some(ends[at], buffer, os::Wait::yes);
        if (!size || *size == 0) return;
        std::span<std::byte> bytes = std::span(buffer).first(*size);
        const Mischief what = at == 0 ? mischief.load() : Mischief::none;
        if (what == Mischief::change) bytes[20] ^= std::byte{1};
        if (what == Mischief::repeat) send_raw(server_, bytes);
        send_raw(what == Mischief::reflect ? client_ : at == 0 ? server_ : client_, bytes);
      }
    }
  }

  os::Fd listening_;
  os::Fd client_;
  os::Fd server_;
  std::jthread thread_;
};

class ListenerRelayTest : public testing::Test {
 protected:
  ListenerRelayTest() : listener("tcp:127.0.0.1:0", "secret"), relay(listener.address()) {
    auto connecting =
        std::async(std::launch::async, [&] { return connect(relay.address(), "secret"); });
    server = listener.accept();
    client = connecting.get();
    client.send(1);
    EXPECT_EQ(server.recv<int>(), 1);  // who hands on what is said is not noticed
  }
  ~ListenerRelayTest() override {
    client.close();
    server.close();
  }

  Listener listener;
  Relay relay;
  Connection client;
  Connection server;
};

TEST_F(ListenerRelayTest, WhatIsChangedOnItsWayIsNoticed) {
  relay.mischief = Relay::Mischief::change;
  client.send(2);
  EXPECT_THROW(server.recv<int>(), AuthenticationError);
  EXPECT_THROW(server.recv<int>(), EndOfStreamError);
}

TEST_F(ListenerRelayTest, WhatIsRepeatedIsNoticed) {
  relay.mischief = Relay::Mischief::repeat;
  client.send(2);
  EXPECT_EQ(server.recv<int>(), 2);
  EXPECT_THROW(server.recv<int>(), AuthenticationError);
}

TEST_F(ListenerRelayTest, WhatIsSentBackIsNoticed) {
  relay.mischief = Relay::Mischief::reflect;
  client.send(2);
  EXPECT_THROW(client.recv<int>(), AuthenticationError);
}

}  // namespace
}  // namespace shoal
