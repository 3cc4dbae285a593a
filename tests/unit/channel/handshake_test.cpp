// SPDX-License-Identifier: Apache-2.0
#include "channel/handshake.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::channel {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Nonce nonce_of(int value) {
  Nonce nonce;
  nonce.fill(static_cast<std::byte>(value));
  return nonce;
}

// Takes what one side has to say.
Bytes said_by(Handshake& side) {
  const Bytes bytes(side.output().begin(), side.output().end());
  side.sent();
  return bytes;
}

// A client and a server, and somebody between them who may change what they say.
struct Talk {
  Talk(std::string_view client_key, std::string_view server_key)
      : keys{bytes_of(client_key), bytes_of(server_key)},
        client(Side::client, keys[0], nonce_of(1)),
        server(Side::server, keys[1], nonce_of(2)) {}

  void run(const std::function<void(Bytes&, Side)>& change = [](Bytes&, Side) {}) {
    for (int round = 0; round < 4; ++round) {
      pass(client, server, Side::client, change);
      pass(server, client, Side::server, change);
    }
  }
  static void pass(Handshake& from, Handshake& to, Side side,
                   const std::function<void(Bytes&, Side)>& change) {
    Bytes bytes = said_by(from);
    if (bytes.empty()) return;
    change(bytes, side);
    to.take(bytes);
  }

  std::array<Bytes, 2> keys;
  Handshake client;
  Handshake server;
};

TEST(HandshakeTest, BothSidesWithTheKeyAreDoneAndHaveTheSameKeysForFrames) {
  Talk talk("secret", "secret");
  talk.run();
  ASSERT_TRUE(talk.client.is_done() && talk.server.is_done());
  EXPECT_EQ(talk.client.frame_keys().to_server, talk.server.frame_keys().to_server);
  EXPECT_EQ(talk.client.frame_keys().to_client, talk.server.frame_keys().to_client);
  EXPECT_NE(talk.client.frame_keys().to_client, talk.client.frame_keys().to_server);
}

TEST(HandshakeTest, EveryConversationHasKeysOfItsOwn) {
  Talk first("secret", "secret");
  first.run();
  Talk second("secret", "secret");
  Handshake other(Side::server, second.keys[1], nonce_of(3));
  Talk::pass(second.client, other, Side::client, [](Bytes&, Side) {});
  Talk::pass(other, second.client, Side::server, [](Bytes&, Side) {});
  Talk::pass(second.client, other, Side::client, [](Bytes&, Side) {});
  ASSERT_TRUE(other.is_done());
  EXPECT_NE(other.frame_keys().to_client, first.server.frame_keys().to_client);
}

TEST(HandshakeTest, WithoutKeysTheClientNeedNotWait) {
  Talk talk("", "");
  EXPECT_TRUE(talk.client.is_done());
  talk.run();
  EXPECT_TRUE(talk.server.is_done());
  EXPECT_EQ(judge(talk.server.own_hello(), Side::server, false), Refusal::none);
}

TEST(HandshakeTest, AnotherKeyIsRefusedOnBothSides) {
  Talk talk("secret", "Secret");
  talk.run();
  EXPECT_EQ(talk.client.refusal(), Refusal::wrong_key);
  EXPECT_EQ(talk.server.refusal(), Refusal::wrong_key);
}

TEST(HandshakeTest, AKeyOnOneSideOnlyIsRefusedOnBoth) {
  Talk with("secret", "");
  with.run();
  EXPECT_EQ(with.client.refusal(), Refusal::key_missing);
  EXPECT_EQ(with.server.refusal(), Refusal::key_unexpected);
  Talk without("", "secret");
  const Bytes hello = said_by(without.client);
  without.server.take(hello);
  EXPECT_EQ(without.server.refusal(), Refusal::key_missing);
  Hello answer;
  ASSERT_EQ(without.server.output().size(), sizeof answer);
  std::memcpy(&answer, without.server.output().data(), sizeof answer);
  EXPECT_EQ(judge(answer, Side::server, false), Refusal::key_unexpected);
}

// Whoever sits between the two may flip any bit of anything: neither then takes the other for one
// who knows the key, but for a last word of which the server cannot hear.
TEST(HandshakeTest, EveryBitThatIsChangedOnItsWayIsRefused) {
  Talk whole("secret", "secret");
  std::vector<std::size_t> lengths;
  whole.run([&](Bytes& bytes, Side) { lengths.push_back(bytes.size()); });
  ASSERT_EQ(lengths, (std::vector<std::size_t>{48, 48, 32, 40}));
  for (std::size_t message = 0; message < lengths.size(); ++message) {
    for (std::size_t bit = 0; bit < lengths[message] * 8; ++bit) {
      Talk talk("secret", "secret");
      std::size_t count = 0;
      talk.run([&](Bytes& bytes, Side) {
        if (count++ == message) bytes[bit / 8] ^= static_cast<std::byte>(1 << bit % 8);
      });
      EXPECT_FALSE(talk.client.is_done()) << "message " << message << ", bit " << bit;
      EXPECT_TRUE(message == 3 || !talk.server.is_done()) << message << ", bit " << bit;
    }
  }
}

TEST(HandshakeTest, WhatWasSaidAnotherTimeProvesNothing) {
  Talk recorded("secret", "secret");
  std::vector<Bytes> from_client;
  recorded.run([&](Bytes& bytes, Side side) {
    if (side == Side::client) from_client.push_back(bytes);
  });
  ASSERT_TRUE(recorded.server.is_done());
  const Bytes key = bytes_of("secret");
  Handshake server(Side::server, key, nonce_of(9));  // a server never says a nonce twice
  server.take(from_client[0]);
  said_by(server);
  server.take(from_client[1]);
  EXPECT_EQ(server.refusal(), Refusal::wrong_key);
}

TEST(HandshakeTest, WhatOneSaysOneselfProvesNothing) {
  const Bytes key = bytes_of("secret");
  Handshake client(Side::client, key, nonce_of(1));
  client.take(said_by(client));
  EXPECT_EQ(client.refusal(), Refusal::stranger);

  // Nor does the client's proof, sent back as the server's.
  Talk talk("secret", "secret");
  Bytes proof;
  talk.run([&](Bytes& bytes, Side side) {
    if (side == Side::client && bytes.size() == sizeof(Mac)) proof = bytes;
    if (side == Side::server && bytes.size() == 40) {
      std::copy(proof.begin(), proof.end(), bytes.begin() + 8);
    }
  });
  EXPECT_EQ(talk.client.refusal(), Refusal::wrong_key);
}

TEST(HandshakeTest, NobodyTakesTheKeyOutOfTheConversation) {
  Talk talk("secret", "secret");
  talk.run([](Bytes& bytes, Side) {
    if (bytes.size() == kHelloBytes) bytes[14] = std::byte{0};  // "I have no key"
  });
  EXPECT_FALSE(talk.client.is_done());
  EXPECT_FALSE(talk.server.is_done());
}

struct WrongHello {
  const char* name;
  void (*change)(Hello&);
  Refusal why;
};

class WrongHelloTest : public testing::TestWithParam<WrongHello> {};

TEST_P(WrongHelloTest, IsRefusedByItsName) {
  for (const bool has_key : {false, true}) {
    Hello hello = make_hello(Side::client, has_key, nonce_of(1));
    ASSERT_EQ(judge(hello, Side::client, has_key), Refusal::none);
    GetParam().change(hello);
    EXPECT_EQ(judge(hello, Side::client, has_key), GetParam().why);
  }
}

INSTANTIATE_TEST_SUITE_P(
    , WrongHelloTest,
    testing::Values(
        WrongHello{"Magic", [](Hello& hello) { hello.magic[3] = 'x'; }, Refusal::stranger},
        WrongHello{"NewerVersion", [](Hello& hello) { ++hello.version; }, Refusal::version},
        WrongHello{"NoVersion", [](Hello& hello) { hello.version = 0; }, Refusal::version},
        WrongHello{"Order", [](Hello& hello) { hello.order = 0x0201; }, Refusal::machine},
        WrongHello{"Word", [](Hello& hello) { hello.word_bytes = 4; }, Refusal::machine},
        WrongHello{"Side", [](Hello& hello) { hello.side = 2; }, Refusal::stranger},
        WrongHello{"NoSide", [](Hello& hello) { hello.side = 0; }, Refusal::stranger},
        WrongHello{"KeyFlag", [](Hello& hello) { hello.has_key = 2; }, Refusal::stranger},
        WrongHello{"Zero", [](Hello& hello) { hello.zero = 1; }, Refusal::stranger}),
    [](const testing::TestParamInfo<WrongHello>& hello) { return std::string(hello.param.name); });

TEST(HandshakeTest, AnotherVersionIsToldToTheOtherSide) {
  const Bytes key = bytes_of("secret");
  Handshake server(Side::server, key, nonce_of(1));
  Hello hello = make_hello(Side::client, true, nonce_of(2));
  hello.version = 7;
  server.take(std::as_bytes(std::span(&hello, 1)));
  EXPECT_EQ(server.refusal(), Refusal::version);
  EXPECT_EQ(server.output().size(), kHelloBytes);
}

TEST(HandshakeTest, AStrangerGetsNoAnswer) {
  const Bytes key = bytes_of("secret");
  Handshake server(Side::server, key, nonce_of(1));
  server.take(bytes_of("GET / HTTP/1.1\r\nHost: somewhere.example\r\n\r\n1234567"));
  EXPECT_EQ(server.refusal(), Refusal::stranger);
  EXPECT_TRUE(server.output().empty());
}

TEST(HandshakeTest, BytesMayComeOneByOneAndNoneTooManyAreTaken) {
  Talk talk("secret", "secret");
  const auto drip = [](Handshake& from, Handshake& to) {
    for (const std::byte byte : said_by(from)) to.take(std::span(&byte, 1));
  };
  for (int round = 0; round < 4; ++round) {
    drip(talk.client, talk.server);
    drip(talk.server, talk.client);
  }
  EXPECT_TRUE(talk.client.is_done() && talk.server.is_done());
  EXPECT_EQ(talk.server.wanted(), 0U);
  talk.server.take(bytes_of("more"));
  EXPECT_TRUE(talk.server.is_done());
}

TEST(HandshakeTest, EveryCutLeavesBothWaiting) {
  for (std::size_t cut = 0; cut < kHelloBytes; ++cut) {
    const Bytes key = bytes_of("secret");
    Handshake server(Side::server, key, nonce_of(1));
    const Hello hello = make_hello(Side::client, true, nonce_of(2));
    server.take(std::as_bytes(std::span(&hello, 1)).first(cut));
    EXPECT_FALSE(server.is_done());
    EXPECT_EQ(server.wanted(), kHelloBytes - cut);
  }
}

}  // namespace
}  // namespace shoal::channel
