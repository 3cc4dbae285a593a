// SPDX-License-Identifier: Apache-2.0
// Listeners and those who connect to them, in processes of their own.

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <future>
#include <set>
#include <shoal/context.hpp>
#include <shoal/error.hpp>
#include <shoal/listener.hpp>
#include <shoal/process.hpp>
#include <shoal/queue.hpp>
#include <shoal/wait_any.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "channel/frame.hpp"
#include "conformance/process_suite.hpp"
#include "unit/channel/raw_peer.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;

// What a child finds wrong ends it with another status than 0.
void require(bool is_so, const char* what) {
  if (!is_so) throw std::runtime_error(what);
}

class ListenerSuite : public ProcessSuite {
 protected:
  void SetUp() override {
    Queue<int>().put(1);  // what serves queues lives as long as the process
    ProcessSuite::SetUp();
  }
  template <class F, class... Args>
  Process start(F fn, const Args&... args) {
    Process process = context_.process(fn, args...);
    process.start();
    return process;
  }
  static void expect_success(Process& process) {
    process.join();
    EXPECT_EQ(process.exitcode(), 0);
  }
};

const std::array<const char*, 2> kFamilies{"unix:", "tcp:127.0.0.1:0"};

// Sends each value back until the other end is closed, or says so: a child of fork may have a copy
// of that, too.
void echo(const Connection& connection) {
  try {
    for (;;) {
      const auto text = connection.recv<std::string>();
      if (text == "end") return;
      connection.send(text);
    }
  } catch (const EndOfStreamError&) {
  }
}

void connect_and_echo(const std::string& address, const AuthKey& key) {
  echo(connect(address, key));
}

void listen_and_echo(const std::string& address, const AuthKey& key, const Connection& parent) {
  const Listener listener(address, key);
  parent.send(listener.address());
  parent.close();
  echo(listener.accept());
}

void expect_echo(const Connection& connection) {
  for (const std::size_t size : {0U, 5U, 100'000U}) {
    connection.send(std::string(size, 'x'));
    EXPECT_EQ(connection.recv<std::string>(), std::string(size, 'x'));
  }
}

TEST_P(ListenerSuite, EveryFamilyEchoesToAChildThatConnects_133) {
  for (const char* family : kFamilies) {
    for (const AuthKey& key : {AuthKey(), AuthKey("secret")}) {
      const Listener listener(family, key);
      Process child = start(connect_and_echo, listener.address(), key);
      Connection connection = listener.accept();
      expect_echo(connection);
      connection.close();
      expect_success(child);
    }
  }
}

TEST_P(ListenerSuite, EveryFamilyEchoesFromAChildThatListens_133) {
  for (const char* family : kFamilies) {
    const auto [here, there] = pipe();
    Process child = start(listen_and_echo, std::string(family), AuthKey("secret"), there);
    const Connection connection = connect(here.recv<std::string>(), "secret");
    expect_echo(connection);
    connection.close();
    expect_success(child);
  }
}

TEST_P(ListenerSuite, AnAcceptedConnectionMayBeAnArgument) {
  for (const char* family : kFamilies) {
    const Listener listener(family, "secret");
    auto connecting =
        std::async(std::launch::async, [&] { return connect(listener.address(), "secret"); });
    Connection server = listener.accept();
    const Connection client = connecting.get();  // its thread has ended before a fork
    Process child = start(echo, server);
    server.close();
    expect_echo(client);
    client.send("end");
    expect_success(child);
  }
}

void refuse_address(const std::string& address) {
  try {
    const Listener listener(address);
  } catch (const Error& error) {
    require(error.code() == std::errc::address_in_use, error.what());
    return;
  }
  require(false, "two have one address");
}

TEST_P(ListenerSuite, AnAddressIsForOneAndAClosedListenerAcceptsNobody_131) {
  for (const char* family : kFamilies) {
    const Folder folder;
    const Listener listener(family == kFamilies[0] ? folder.address() : family);
    Process child = start(refuse_address, listener.address());
    expect_success(child);
    listener.close();
    EXPECT_THROW(listener.accept(), ClosedError);
    EXPECT_NO_THROW(Listener(listener.address(), AuthKey()));  // free again
  }
}

void say_and_go(const std::string& address) {
  const Connection connection = connect(address);
  connection.send(std::string("hello"));
  connection.send(std::string(100'000, 'x'));
  connection.close();
}

TEST_P(ListenerSuite, WhatAClientSaidBeforeItWasAcceptedIsRead_132) {
  for (const char* family : kFamilies) {
    const Listener listener(family);
    Process child = start(say_and_go, listener.address());
    expect_success(child);
    const Connection connection = listener.accept();
    EXPECT_EQ(connection.recv<std::string>(), "hello");
    EXPECT_EQ(connection.recv<std::string>().size(), 100'000U);
    EXPECT_THROW(connection.recv<std::string>(), EndOfStreamError);
  }
}

TEST_P(ListenerSuite, AWrongAddressIsRefusedInAChildToo_134) {
  Process child = start([] {
    for (const char* address : {"nowhere", "unix:relative", "unix:@abstract", "tcp:host"}) {
      try {
        connect(address);
      } catch (const std::invalid_argument&) {
        try {
          const Listener listener(address);
        } catch (const std::invalid_argument&) {
          continue;
        }
      }
      require(false, address);
    }
  });
  expect_success(child);
}

void be_refused(const std::string& address) {
  try {
    connect(address, "wrong");
  } catch (const AuthenticationError&) {
    return;
  }
  require(false, "a wrong key was taken");
}

TEST_P(ListenerSuite, AWrongAnswerIsAnErrorOnBothSides_135) {
  for (const char* family : kFamilies) {
    const Listener listener(family, "secret");
    Process wrong = start(be_refused, listener.address());
    EXPECT_THROW(listener.accept(), AuthenticationError);
    expect_success(wrong);
    Process right = start(connect_and_echo, listener.address(), AuthKey("secret"));
    Connection connection = listener.accept();
    expect_echo(connection);
    connection.close();
    expect_success(right);
  }
}

// --- deaths
// ----------------------------------------------------------------------------------------

void begin_and_hang(const std::string& address, bool says_hello, std::size_t bytes,
                    const UniqueFd& mouth) {
  const os::Fd socket = connect_raw(address);
  if (says_hello) send_raw(socket, bytes_of(client_hello(false)));
  if (bytes != 0) send_raw(socket, bytes_of(bytes));
  say(mouth, ".");
  for (;;) ::pause();
}

TEST_P(ListenerSuite, AClientKilledInItsHandshakeKeepsNobodyWaiting) {
  for (const char* family : kFamilies) {
    const Listener listener(family, "secret");
    Answer answer;
    Process child =
        start(begin_and_hang, listener.address(), false, std::size_t{0}, answer.mouth());
    ASSERT_EQ(answer.next(), '.');
    EXPECT_FALSE(listener.accept_for(0ms));
    child.kill();
    child.join();
    Process good = start(connect_and_echo, listener.address(), AuthKey("secret"));
    Connection connection = listener.accept();
    expect_echo(connection);
    connection.close();
    expect_success(good);
  }
}

TEST_P(ListenerSuite, AClientKilledInsideAMessageIsTheStreamsEndAndSaysSo) {
  const Listener listener("tcp:127.0.0.1:0");
  Answer answer;
  Process child = start(begin_and_hang, listener.address(), true, std::size_t{15}, answer.mouth());
  const Connection connection = listener.accept();
  ASSERT_EQ(answer.next(), '.');
  child.kill();
  child.join();
  try {
    connection.recv_bytes();
    FAIL();
  } catch (const EndOfStreamError& error) {
    EXPECT_NE(std::string(error.what()).find("inside a message"), std::string::npos);
  }
}

void listen_and_hang(const std::string& address, bool accepts, const Connection& parent) {
  const Listener listener(address, "secret");
  parent.send(listener.address());
  std::vector<Connection> kept;
  if (accepts) kept.push_back(listener.accept());
  if (accepts) parent.send(std::string("accepted"));
  for (;;) ::pause();
}

TEST_P(ListenerSuite, AServersDeathIsItsClientsEnd) {
  for (const char* family : kFamilies) {
    const Folder folder;
    const auto [here, there] = pipe();
    const std::string address = family == kFamilies[0] ? folder.address() : family;
    Process child = start(listen_and_hang, address, true, there);
    there.close();
    const Connection connection = connect(here.recv<std::string>(), "secret");
    EXPECT_EQ(here.recv<std::string>(), "accepted");
    child.kill();
    EXPECT_THROW(connection.recv<int>(), EndOfStreamError);
    child.join();
  }
}

TEST_P(ListenerSuite, AServersDeathInTheHandshakeIsAnError) {
  for (const char* family : kFamilies) {
    const Folder folder;
    const auto [here, there] = pipe();
    const std::string address = family == kFamilies[0] ? folder.address() : family;
    Process child = start(listen_and_hang, address, false, there);
    there.close();
    const std::string where = here.recv<std::string>();
    EXPECT_THROW(connect(where, "secret", 1ms), TimeoutError);
    auto connecting = std::async(std::launch::async, [&] { connect(where, "secret"); });
    child.kill();
    EXPECT_THROW(connecting.get(), Error);
    child.join();
  }
}

TEST_P(ListenerSuite, TheSocketOfAKilledListenerIsReplaced) {
  const Folder folder;
  for (int round = 0; round < 3; ++round) {
    const auto [here, there] = pipe();
    Process child = start(listen_and_hang, folder.address(), false, there);
    there.close();
    EXPECT_EQ(here.recv<std::string>(), folder.address());
    EXPECT_THROW(Listener(folder.address(), AuthKey()), Error);  // it lives
    child.kill();
    child.join();
    const Listener listener(folder.address());
    say_and_go(listener.address());
    EXPECT_EQ(listener.accept().recv<std::string>(), "hello");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

void try_to_listen(const std::string& address, const Queue<int>& results, const Connection& end) {
  try {
    const Listener listener(address);
    results.put(1);
    end.poll(forever);
  } catch (const Error& error) {
    require(error.code() == std::errc::address_in_use, error.what());
    results.put(0);
  }
}

TEST_P(ListenerSuite, OfManyWhoStartAtOnceOneHasTheAddress) {
  const Folder folder;
  const Queue<int> results;
  const auto [here, there] = pipe();
  std::vector<Process> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(start(try_to_listen, folder.address(), results, there));
  }
  int listening = 0;
  for (int i = 0; i < 4; ++i) listening += results.get();
  EXPECT_EQ(listening, 1);
  here.send(1);
  for (Process& child : children) expect_success(child);
}

// --- waiting
// ---------------------------------------------------------------------------------------

TEST_P(ListenerSuite, IsWaitedForWithEverythingElse) {
  const Listener listener("unix:");
  const Queue<int> queue;
  const auto [a, b] = pipe();
  const Answer answer;
  Process child = start(say_and_go, listener.address());
  Process sleeper = start([](const Connection& end) { end.poll(forever); }, b);
  const std::vector<Waitable> things{a, sleeper, queue, listener, child};
  std::set<std::size_t> ready;
  while (ready.size() < 2) {
    for (const std::size_t at : wait_any(things)) ready.insert(at);
  }
  EXPECT_EQ(ready, (std::set<std::size_t>{3, 4}));
  queue.put(1);
  b.send(1);
  EXPECT_EQ(wait_any(things), (std::vector<std::size_t>{0, 2, 3, 4}));
  EXPECT_EQ(listener.accept().recv<std::string>(), "hello");
  a.send(1);
  sleeper.join();
  EXPECT_EQ(wait_any(things), (std::vector<std::size_t>{0, 1, 2, 4}));
  child.join();
}

TEST_P(ListenerSuite, SignalsDoNotEndAnAccept) {
  struct sigaction quiet {};
  struct sigaction before {};
  quiet.sa_handler = [](int) {};  // without SA_RESTART
  ::sigaction(SIGUSR1, &quiet, &before);
  const Listener listener("unix:", "secret");
  std::promise<pthread_t> thread;
  auto accepting = std::async(std::launch::async, [&] {
    thread.set_value(::pthread_self());
    return listener.accept();
  });
  const pthread_t accepter = thread.get_future().get();
  for (int i = 0; i < 100; ++i) ::pthread_kill(accepter, SIGUSR1);
  const Connection client = connect(listener.address(), "secret");
  accepting.get().send(1);
  EXPECT_EQ(client.recv<int>(), 1);
  ::sigaction(SIGUSR1, &before, nullptr);
}

SHOAL_FOR_EACH_START_METHOD(ListenerSuite);

}  // namespace
}  // namespace shoal::test
