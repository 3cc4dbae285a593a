// SPDX-License-Identifier: Apache-2.0
#include "shoal/listener.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <future>
#include <shoal/wait_any.hpp>
#include <thread>

#include "channel/reception.hpp"
#include "shoal/error.hpp"
#include "shoal/transferable.hpp"
#include "support/leak_guard.hpp"
#include "unit/channel/raw_peer.hpp"

namespace shoal {
namespace {

using namespace std::chrono_literals;
using namespace test;
using channel::Hello;

static_assert(!is_transferable_v<Listener>);

std::error_code code_of_listening(const std::string& address, const AuthKey& key = {}) {
  try {
    const Listener listener(address, key);
  } catch (const Error& error) {
    return error.code();
  }
  return {};
}

// --- addresses and what stands in the file system
// -------------------------------------------------

TEST(ListenerTest, ItsSocketIsItsUsersAloneWhateverTheUmask) {
  const Folder folder;
  for (const mode_t umask : {0U, 0777U}) {
    const mode_t before = ::umask(umask);
    const Listener listener(folder.address("a/b" + std::to_string(umask)));
    ::umask(before);
    const std::string path = path_in(listener.address());
    EXPECT_EQ(mode_of(path), 0600U);
    EXPECT_EQ(mode_of(path + ".lock"), 0600U);
    EXPECT_EQ(mode_of(folder.path() + "/a"), 0700U);
    EXPECT_NO_THROW(connect(listener.address()));
  }
}

TEST(ListenerTest, WithoutAPathItMakesAFolderOfItsOwnAndRemovesIt) {
  std::string folder;
  {
    const Listener listener("unix:");
    const std::string path = path_in(listener.address());
    folder = path.substr(0, path.rfind('/'));
    EXPECT_EQ(mode_of(folder), 0700U);
    const Connection client = connect(listener.address());
    client.send(1);
    EXPECT_EQ(listener.accept().recv<int>(), 1);
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST(ListenerTest, ItsNamesGoWithItsLastHandle) {
  const Folder folder;
  {
    const Listener listener(folder.address());
    const Listener copy = listener;
    EXPECT_FALSE(copy.closed());
    EXPECT_FALSE(std::filesystem::is_empty(folder.path()));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  const Listener again(folder.address());
  again.close();
  again.close();
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_TRUE(again.closed());
  EXPECT_THROW(again.accept(), ClosedError);
  EXPECT_THROW(wait_any({again}, 0ms), ClosedError);
}

TEST(ListenerTest, AnAddressInUseIsRefusedAndStaysUsable) {
  const Folder folder;
  const Listener path(folder.address());
  EXPECT_EQ(code_of_listening(folder.address()), std::errc::address_in_use);
  EXPECT_NO_THROW(connect(path.address()));
  const Listener port("tcp:127.0.0.1:0");
  EXPECT_EQ(code_of_listening(port.address()), std::errc::address_in_use);
  EXPECT_NO_THROW(connect(port.address()));
}

TEST(ListenerTest, ASocketThatTheDeadHaveLeftIsReplacedAndThatOfTheLivingIsNot) {
  const Folder folder;
  const std::string path = folder.path() + "/socket";
  std::ofstream(path + ".lock").flush();
  { const auto dead = os::listen_at(path.c_str()); }
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_NO_THROW(Listener(folder.address()));
  // One who listens without our lock.
  const auto living = os::listen_at(path.c_str());
  ASSERT_TRUE(living);
  EXPECT_EQ(code_of_listening(folder.address()), std::errc::address_in_use);
  EXPECT_TRUE(std::filesystem::exists(path));
}

TEST(ListenerTest, WhatIsNoSocketIsNeverRemoved) {
  const Folder folder;
  std::ofstream(folder.path() + "/socket") << "precious";
  EXPECT_EQ(code_of_listening(folder.address()), std::errc::file_exists);
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/socket"));
  std::filesystem::create_symlink("/nowhere", folder.path() + "/link");
  EXPECT_EQ(code_of_listening(folder.address("link")), std::errc::file_exists);
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/socket.lock"));
}

TEST(ListenerTest, FoldersThatOthersMayChangeAreRefused) {
  const Folder folder;
  for (const unsigned mode : {0777U, 0770U, 0707U}) {
    ::chmod(folder.path().c_str(), mode);
    EXPECT_EQ(code_of_listening(folder.address()), std::errc::permission_denied) << mode;
  }
  ::chmod(folder.path().c_str(), 01777);  // as /tmp is
  EXPECT_NO_THROW(Listener(folder.address()));
}

TEST(ListenerTest, WhoHasTheLockHasTheAddressBeforeThereIsASocket) {
  const Folder folder;
  const auto lock = os::open_private_file((folder.path() + "/socket.lock").c_str());
  ASSERT_TRUE(lock && *os::try_lock_file(lock->get()));
  EXPECT_EQ(code_of_listening(folder.address()), std::errc::address_in_use);
}

TEST(ListenerTest, OfManyWhoStartAtOnceOneHasTheAddress) {
  const Folder folder;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::future<Listener>> starters;
    for (int i = 0; i < 4; ++i) {
      starters.push_back(
          std::async(std::launch::async, [&] { return Listener(folder.address()); }));
    }
    std::vector<Listener> listening;
    for (auto& starter : starters) {
      try {
        listening.push_back(starter.get());
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), std::errc::address_in_use) << error.what();
      }
    }
    ASSERT_EQ(listening.size(), 1U);
    EXPECT_NO_THROW(connect(folder.address()));
  }
}

TEST(ListenerTest, AddressesThatOthersReachNeedAKey) {
  EXPECT_THROW(Listener("tcp:0.0.0.0:0"), std::invalid_argument);
  EXPECT_THROW(Listener("tcp:[::]:0"), std::invalid_argument);
  const Listener listener("tcp:0.0.0.0:0", "secret");
  EXPECT_TRUE(listener.address().starts_with("tcp:0.0.0.0:"));
}

TEST(ListenerTest, WhereNobodyListensTheSystemsCodeSaysSo) {
  const Folder folder;
  const auto code_of_connecting = [](const std::string& address) {
    try {
      connect(address);
    } catch (const Error& error) {
      return error.code();
    }
    return std::error_code();
  };
  EXPECT_EQ(code_of_connecting(folder.address()), std::errc::no_such_file_or_directory);
  std::string port;
  {
    const Listener listener("tcp:127.0.0.1:0");
    port = listener.address();
  }
  EXPECT_EQ(code_of_connecting(port), std::errc::connection_refused);
}

// --- for every family, with and without a key ----------------------------------------------------

struct Way {
  const char* name;
  const char* address;
  const char* key;
};

class ListenerWayTest : public testing::TestWithParam<Way> {
 protected:
  AuthKey key() const { return *GetParam().key == '\0' ? AuthKey() : AuthKey(GetParam().key); }
  Listener listen() const { return Listener(GetParam().address, key()); }

  // Both ends of a connection.
  std::pair<Connection, Connection> pair(const Listener& listener) const {
    auto client =
        std::async(std::launch::async, [&] { return connect(listener.address(), key()); });
    Connection server = listener.accept();
    return {client.get(), server};
  }
};

TEST_P(ListenerWayTest, CarriesValuesAndBytesBothWays) {
  const Listener listener = listen();
  const auto [client, server] = pair(listener);
  for (int i = 0; i < 100; ++i) {
    client.send(i);
    ASSERT_EQ(server.recv<int>(), i);
    server.send(std::to_string(i));
    ASSERT_EQ(client.recv<std::string>(), std::to_string(i));
  }
  for (const std::size_t size : {0U, 1U, 65536U, 65537U, 1U << 20}) {
    auto sent = std::async(std::launch::async, [&, &c = client] { c.send_bytes(bytes_of(size)); });
    EXPECT_EQ(server.recv_bytes(), bytes_of(size)) << size;
    sent.get();
  }
  client.close();
  EXPECT_THROW(server.recv<int>(), EndOfStreamError);
}

TEST_P(ListenerWayTest, SendersTakeTurns) {
  const Listener listener = listen();
  const auto [client, server] = pair(listener);
  std::vector<std::jthread> senders;
  for (int i = 0; i < 3; ++i) {
    senders.emplace_back([i, client = client] {
      for (int n = 0; n < 50; ++n) {
        client.send_bytes(std::vector<std::byte>(20'000, static_cast<std::byte>(i)));
      }
    });
  }
  for (int n = 0; n < 150; ++n) {
    const std::vector<std::byte> got = server.recv_bytes();
    ASSERT_EQ(got.size(), 20'000U);
    ASSERT_EQ(got, std::vector<std::byte>(20'000, got[0]));
  }
}

TEST_P(ListenerWayTest, AMessageOverTheMaximumThrowsAndCloses) {
  const Listener listener = listen();
  const auto [client, server] = pair(listener);
  client.send_bytes(bytes_of(10));
  EXPECT_THROW(server.recv_bytes(9), CodecError);
  EXPECT_TRUE(server.closed());
}

TEST_P(ListenerWayTest, AConnectionThatIsSentOnGoesOn) {
  const Listener listener = listen();
  const auto [client, server] = pair(listener);
  const auto [here, there] = pipe();
  client.send(1);
  EXPECT_EQ(server.recv<int>(), 1);
  here.send(server);
  server.close();
  const Connection moved = there.recv<Connection>();
  moved.send(2);
  EXPECT_EQ(client.recv<int>(), 2);
  client.send(3);
  EXPECT_EQ(moved.recv<int>(), 3);
}

TEST_P(ListenerWayTest, ManyWhoSayNothingDelayNobody) {
  const Listener listener = listen();
  std::vector<os::Fd> silent;
  for (std::size_t i = 0; i < 2 * channel::Reception::kMostClients; ++i) {
    silent.push_back(connect_raw(listener.address()));
    if (i % 2 == 0) {
      const Hello hello = client_hello(!key().empty());
      const bool is_packet = listener.address().starts_with("unix:");
      if (!is_packet) send_raw(silent.back(), bytes_of(hello).first(20));
    }
    // What the system keeps for us to accept is bounded; and nobody passes meanwhile.
    EXPECT_FALSE(listener.accept_for(0ms));
  }
  const auto [client, server] = pair(listener);
  client.send(7);
  EXPECT_EQ(server.recv<int>(), 7);
}

TEST_P(ListenerWayTest, StrangersAreDroppedAndTheNextIsServed) {
  const Listener listener = listen();
  const os::Fd junk = connect_raw(listener.address());
  send_raw(junk, bytes_of(48));
  const os::Fd longer = connect_raw(listener.address());
  send_raw(longer, bytes_of(4000));
  connect_raw(listener.address());  // who goes at once
  const auto [client, server] = pair(listener);
  client.send(1);
  EXPECT_EQ(server.recv<int>(), 1);
}

TEST_P(ListenerWayTest, AnotherVersionIsAClearErrorOnBothSides) {
  const Listener listener = listen();
  const os::Fd client = connect_raw(listener.address());
  Hello hello = client_hello(!key().empty());
  ++hello.version;
  send_raw(client, bytes_of(hello));
  EXPECT_THROW(listener.accept(), CodecError);
  std::vector<std::byte> answer(100);
  const auto size = os::receive_some(client.get(), answer, os::Wait::yes);
  EXPECT_TRUE(size && *size == channel::kHelloBytes);  // of which it can tell
}

TEST_P(ListenerWayTest, CloseEndsAnAcceptThatWaits) {
  for (int i = 0; i < 10; ++i) {
    const Listener listener = listen();
    auto accepting = std::async(std::launch::async, [&] { listener.accept(); });
    listener.close();
    EXPECT_THROW(accepting.get(), ClosedError);
  }
}

TEST_P(ListenerWayTest, AcceptForWaitsItsTimeOut) {
  const Listener listener = listen();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(listener.accept_for(30ms));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
}

TEST_P(ListenerWayTest, CanBeWaitedForWithOthers) {
  const Listener listener = listen();
  const auto [a, b] = pipe();
  EXPECT_TRUE(wait_any({a, listener}, 0ms).empty());
  auto client = std::async(std::launch::async, [&] { return connect(listener.address(), key()); });
  std::optional<Connection> server;
  while (!server) {
    EXPECT_EQ(wait_any({a, listener}), std::vector<std::size_t>{1});
    server = listener.accept_for(0ms);
  }
  const Connection connected = client.get();
  EXPECT_TRUE(wait_any({*server, listener}, 0ms).empty());
  connected.send(1);
  EXPECT_EQ(wait_any({a, listener, *server}), std::vector<std::size_t>{2});
}

TEST_P(ListenerWayTest, InACopyMadeByABareForkItIsClosedAndRemovesNothing) {
  const Listener listener = listen();
  const pid_t child = ::fork();
  if (child == 0) {
    int thrown = 0;
    try {
      listener.accept();
    } catch (const ClosedError&) {
      ++thrown;
    }
    listener.close();
    const_cast<Listener&>(listener) = Listener();
    ::_exit(thrown);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  const auto [client, server] = pair(listener);
  client.send(1);
  EXPECT_EQ(server.recv<int>(), 1);
}

TEST_P(ListenerWayTest, LeavesNoDescriptorBehind) {
  const test::LeakGuard guard;
  for (int i = 0; i < 5; ++i) {
    const Listener listener = listen();
    const os::Fd silent = connect_raw(listener.address());
    const auto [client, server] = pair(listener);
    client.send_bytes(bytes_of(100));
    server.recv_bytes();
  }
}

const Way kWays[] = {{"unix", "unix:", ""},
                     {"unix_key", "unix:", "secret"},
                     {"tcp", "tcp:127.0.0.1:0", ""},
                     {"tcp_key", "tcp:127.0.0.1:0", "secret"}};
INSTANTIATE_TEST_SUITE_P(, ListenerWayTest, testing::ValuesIn(kWays),
                         [](const testing::TestParamInfo<Way>& way) {
                           return std::string(way.param.name);
                         });

}  // namespace
}  // namespace shoal
