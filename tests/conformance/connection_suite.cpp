// SPDX-License-Identifier: Apache-2.0
// The two ends of a pipe in two processes.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <numeric>
#include <shoal/connection.hpp>
#include <shoal/error.hpp>
#include <string>
#include <thread>
#include <vector>

#include "conformance/parties.hpp"
#include "support/leak_guard.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::byte>;

class ConnectionSuite : public ProcessPartySuite {};

Bytes bytes_of(std::size_t size, unsigned salt = 0) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 251 + salt);
  return bytes;
}

Bytes bytes_of(const std::string& text) {
  const auto* const first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

// Sends back whatever comes, until an empty message or the end.
void echo_bytes(const Connection& connection) {
  for (;;) {
    const Bytes message = connection.recv_bytes();
    connection.send_bytes(message);
    if (message.empty()) return;
  }
}

TEST_P(ConnectionSuite, EchoesValuesAndBytes_115) {
  using Table = std::map<std::string, std::vector<double>>;
  auto [here, there] = pipe();
  Party values = start(
      [](const Connection& connection) {
        connection.send(connection.recv<Table>());
        connection.send(connection.recv<std::string>() + "!");
        echo_bytes(connection);
      },
      there);
  there.close();
  const Table table{{"a", {1, 2.5}}, {"b", {}}};
  here.send(table);
  EXPECT_EQ(here.recv<Table>(), table);
  here.send("hello");
  EXPECT_EQ(here.recv<std::string>(), "hello!");

  Bytes buffer(20, std::byte{7});
  here.send_bytes(bytes_of("hello world"));
  EXPECT_EQ(here.recv_bytes_into(std::span(buffer).subspan(3)), 11U);  // at an offset
  EXPECT_EQ(buffer[2], std::byte{7});
  EXPECT_EQ(Bytes(buffer.begin() + 3, buffer.begin() + 14), bytes_of("hello world"));
  EXPECT_EQ(buffer[14], std::byte{7});
  here.send_bytes(bytes_of("a longer message than fits"));
  EXPECT_THROW(here.recv_bytes_into(buffer), CodecError);
  here.send_bytes({});  // the one after it is whole
  EXPECT_TRUE(here.recv_bytes().empty());
  EXPECT_TRUE(values.join());
}

TEST_P(ConnectionSuite, PollWaitsForAMessageOfAnotherProcess_116) {
  auto [here, there] = pipe();
  auto [go, gone] = pipe();
  Party child = start(
      [](const Connection& out, const Connection& when) {
        when.recv<int>();
        out.send(1);
        when.recv<int>();
      },
      there, gone);
  EXPECT_FALSE(here.poll());
  EXPECT_FALSE(here.poll(-1s));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(here.poll(50ms));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 50ms);
  go.send(1);
  EXPECT_TRUE(here.poll(forever));
  EXPECT_TRUE(here.poll());
  EXPECT_EQ(here.recv<int>(), 1);
  EXPECT_FALSE(here.poll());
  go.send(2);
  EXPECT_TRUE(child.join());
}

TEST_P(ConnectionSuite, SixteenMebibytesTravelBothWays_117) {
  auto [here, there] = pipe();
  Party child = start(echo_bytes, there);
  there.close();
  const Bytes large = bytes_of(std::size_t{16} << 20);
  here.send_bytes(large);
  EXPECT_EQ(here.recv_bytes(), large);
  here.send_bytes({});
  EXPECT_TRUE(child.join());
}

TEST_P(ConnectionSuite, TheStreamEndsWithTheProcess_118_120) {
  auto [here, there] = pipe();
  Party child = start([](const Connection& out) { out.send(5); }, there);
  there.close();  // at once: the child has its own
  EXPECT_EQ(here.recv<int>(), 5);
  EXPECT_THROW(here.recv<int>(), EndOfStreamError);
  EXPECT_THROW(here.recv_bytes(), EndOfStreamError);
  EXPECT_TRUE(here.poll());  // the end is something to receive
  EXPECT_THROW(here.send(1), ClosedError);
  EXPECT_TRUE(child.join());
}

TEST_P(ConnectionSuite, AOneWayPipeKnowsItsDirection_119) {
  auto [reader, writer] = pipe(Duplex::no);
  Party child = start(
      [](const Connection& out) {
        EXPECT_FALSE(out.readable());
        EXPECT_TRUE(out.writable());
        EXPECT_THROW(out.recv<int>(), ClosedError);
        EXPECT_THROW(out.poll(), ClosedError);
        out.send(::testing::Test::HasFailure());
      },
      writer);
  EXPECT_TRUE(reader.readable());
  EXPECT_FALSE(reader.writable());
  EXPECT_THROW(reader.send(1), ClosedError);
  EXPECT_FALSE(reader.recv<bool>());
  EXPECT_TRUE(child.join());
}

TEST_P(ConnectionSuite, ADescriptorOfAnyNumberIsWritableInTheChild_122) {
  auto [here, there] = pipe();
  Party child = start(
      [](const Connection& connection) {
        const UniqueFd file = connection.recv<UniqueFd>();
        connection.send(::write(file.get(), "bar", 3) == 3);
        EXPECT_THROW(connection.recv<UniqueFd>(), CodecError);  // a number is no descriptor
        connection.send(::testing::Test::HasFailure());
      },
      there);
  const UniqueFd file(::memfd_create("shoal-test", MFD_CLOEXEC));
  ASSERT_TRUE(file);
  const UniqueFd high(::fcntl(file.get(), F_DUPFD_CLOEXEC, 300));
  ASSERT_GE(high.get(), 300);
  here.send(high);
  EXPECT_TRUE(here.recv<bool>());
  std::string text(3, '\0');
  EXPECT_EQ(::pread(file.get(), text.data(), 3, 0), 3);
  EXPECT_EQ(text, "bar");
  here.send(0);
  EXPECT_FALSE(here.recv<bool>());
  EXPECT_TRUE(child.join());
}

TEST_P(ConnectionSuite, AClosedEndRefusesEverything_123_130) {
  auto [here, there] = pipe();
  here.close();
  here.close();
  EXPECT_TRUE(here.closed());
  EXPECT_THROW(here.poll(), ClosedError);
  EXPECT_THROW(here.send(1), ClosedError);
  EXPECT_THROW(static_cast<void>(here.fileno()), ClosedError);
  const Connection none;
  EXPECT_THROW(none.poll(), ClosedError);
  EXPECT_THROW(static_cast<void>(start([](const Connection&) {}, here)), ClosedError);
}

TEST_P(ConnectionSuite, MessagesKeepTheirBoundsEmptyOnesToo_124_125_127) {
  const std::vector<std::size_t> sizes{0, 0, 3, 0, 70'000, 0, 5, 100'000};
  auto [reader, writer] = pipe(Duplex::no);
  Party child = start(
      [](const Connection& out, const std::vector<std::size_t>& lengths) {
        for (const std::size_t size : lengths) out.send_bytes(bytes_of(size));
      },
      writer, sizes);
  writer.close();
  for (const std::size_t size : sizes) {
    EXPECT_TRUE(reader.poll(forever));
    EXPECT_EQ(reader.recv_bytes(), bytes_of(size));
  }
  EXPECT_TRUE(child.join());
}

TEST_P(ConnectionSuite, PollInAnotherProcessTakesNothing_126) {
  auto [reader, writer] = pipe(Duplex::no);
  auto [here, there] = pipe();
  Party poller = start(
      [](const Connection& in, const Connection& report) {
        int seen = 0;
        while (!report.poll()) seen += in.poll() ? 1 : 0;
        report.send(seen >= 0);
      },
      reader, there);
  for (int i = 0; i < 2000; ++i) {
    writer.send_bytes(bytes_of(static_cast<std::size_t>(i % 100), 1));
    EXPECT_EQ(reader.recv_bytes().size(), static_cast<std::size_t>(i % 100));
  }
  here.send(0);
  EXPECT_TRUE(here.recv<bool>());
  EXPECT_TRUE(poller.join());
}

TEST_P(ConnectionSuite, EndsTravelThroughConnections_128) {
  auto [here, there] = pipe();
  Party child = start(
      [](const Connection& connection) {
        const Connection reader = connection.recv<Connection>();
        const Connection writer = connection.recv<Connection>();
        EXPECT_TRUE(reader.readable() && !reader.writable());
        EXPECT_TRUE(writer.writable() && !writer.readable());
        writer.send(reader.recv<std::string>() + " and back" +
                    (::testing::Test::HasFailure() ? " wrongly" : ""));
      },
      there);
  auto [their_reader, my_writer] = pipe(Duplex::no);
  auto [my_reader, their_writer] = pipe(Duplex::no);
  here.send(their_reader);
  here.send(their_writer);
  my_writer.send("there");
  EXPECT_EQ(my_reader.recv<std::string>(), "there and back");
  EXPECT_TRUE(child.join());
}

std::atomic<int> g_signals{0};
void count_signal(int) { g_signals.fetch_add(1, std::memory_order_relaxed); }

// Interrupts the calling thread's system calls until it goes.
class Interrupter {
 public:
  Interrupter() {
    struct sigaction action {};
    action.sa_handler = count_signal;  // without SA_RESTART
    ::sigaction(SIGUSR1, &action, &before_);
    thread_ = std::jthread([target = ::pthread_self()](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        ::pthread_kill(target, SIGUSR1);
        std::this_thread::yield();
      }
    });
  }
  ~Interrupter() {
    thread_ = {};
    ::sigaction(SIGUSR1, &before_, nullptr);
  }

 private:
  struct sigaction before_ {};
  std::jthread thread_;
};

TEST_P(ConnectionSuite, SignalsInterruptNoMessage_129) {
  auto [here, there] = pipe();
  Party child = start(echo_bytes, there);
  there.close();
  {
    const Interrupter interrupter;
    for (const std::size_t size : {std::size_t{1}, std::size_t{60'000}, std::size_t{4} << 20}) {
      for (int i = 0; i < 5; ++i) {
        here.send_bytes(bytes_of(size));
        EXPECT_EQ(here.recv_bytes(), bytes_of(size));
      }
    }
    EXPECT_FALSE(here.poll(20ms));
  }
  EXPECT_GT(g_signals.load(), 0);
  here.send_bytes({});
  EXPECT_TRUE(child.join());
}

// --- deaths -------------------------------------------------------------------------------------

class ConnectionDeathSuite : public ProcessPartySuite {};

// Messages of several sizes, each of which tells its number and can be checked.
constexpr std::size_t size_of_message(unsigned number) { return 8 + number * 7919 % 200'000; }

TEST_P(ConnectionDeathSuite, ASenderKilledAtAnyMomentLeavesNoHalfMessage) {
  EXPECT_TRUE(start([] {}).join());  // a fork server stays
  const LeakGuard guard;
  for (int round = 0; round < 15; ++round) {
    auto [reader, writer] = pipe(Duplex::no);
    Party sender = start(
        [](const Connection& out) {
          for (unsigned i = 0;; ++i) out.send_bytes(bytes_of(size_of_message(i), i));
        },
        writer);
    writer.close();
    std::jthread killer;
    unsigned received = 0;
    EXPECT_THROW(
        for (;; ++received) {
          ASSERT_EQ(reader.recv_bytes(), bytes_of(size_of_message(received), received));
          if (received == static_cast<unsigned>(round)) {
            killer = std::jthread([&] { sender.process().kill(); });
          }
        },
        EndOfStreamError);
    EXPECT_GT(received, static_cast<unsigned>(round));
  }
}

TEST_P(ConnectionDeathSuite, AReceiverKilledAtAnyMomentIsTheSendersClosedError) {
  for (int round = 0; round < 15; ++round) {
    auto [reader, writer] = pipe(Duplex::no);
    Party receiver = start(
        [](const Connection& in) {
          for (;;) in.recv_bytes();
        },
        reader);
    reader.close();
    unsigned sent = 0;
    EXPECT_THROW(
        for (;; ++sent) {
          writer.send_bytes(bytes_of(size_of_message(sent)));
          if (sent == static_cast<unsigned>(20 * round)) receiver.process().kill();
        },
        ClosedError);
  }
}

// One of two readers dies: a message is the other's, or went with the dead; none is torn.
TEST_P(ConnectionDeathSuite, AReaderKilledBesideAnotherTakesWholeMessagesOnly) {
  auto [reader, writer] = pipe(Duplex::no);
  Party other = start(
      [](const Connection& in) {
        for (;;) in.recv_bytes();
      },
      reader);
  std::jthread sender([out = writer] {
    for (unsigned i = 0; i < 400; ++i) out.send_bytes(bytes_of(size_of_message(i), i));
    out.close();
  });
  writer = Connection();
  unsigned received = 0;
  EXPECT_THROW(
      for (;; ++received) {
        const Bytes message = reader.recv_bytes();
        bool is_one = false;
        for (unsigned i = 0; i < 400 && !is_one; ++i) {
          is_one = message.size() == size_of_message(i) && message == bytes_of(message.size(), i);
        }
        EXPECT_TRUE(is_one);
        if (received == 20) other.process().kill();
      },
      EndOfStreamError);
}

SHOAL_FOR_EACH_PROCESS_HOME(ConnectionSuite);
SHOAL_FOR_EACH_PROCESS_HOME(ConnectionDeathSuite);

}  // namespace
}  // namespace shoal::test
