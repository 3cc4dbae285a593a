// SPDX-License-Identifier: Apache-2.0
#include "shoal/connection.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>

#include "os/memfd.hpp"
#include "os/socket.hpp"
#include "shoal/error.hpp"
#include "support/leak_guard.hpp"

namespace shoal {
namespace {

using namespace std::chrono_literals;

std::vector<std::byte> bytes_of(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 31 + i / 251);
  return bytes;
}

TEST(ConnectionTest, CarriesValuesBothWays) {
  const auto [a, b] = pipe();
  a.send(42);
  b.send("a literal");
  EXPECT_EQ(b.recv<int>(), 42);
  EXPECT_EQ(a.recv<std::string>(), "a literal");
}

TEST(ConnectionTest, CarriesBytesOfAnySize) {
  const auto [a, b] = pipe();
  for (const std::size_t size : {0U, 1U, 65535U, 65536U, 65537U, 16U << 20}) {
    a.send_bytes(bytes_of(size));
    EXPECT_EQ(b.recv_bytes(), bytes_of(size)) << size;
  }
}

TEST(ConnectionTest, MessagesNeverMerge) {
  const auto [a, b] = pipe();
  for (const std::size_t size : {3U, 0U, 70'000U, 0U, 0U, 5U, 100'000U, 1U}) {
    a.send_bytes(bytes_of(size));
  }
  for (const std::size_t size : {3U, 0U, 70'000U, 0U, 0U, 5U, 100'000U, 1U}) {
    EXPECT_EQ(b.recv_bytes().size(), size);
  }
  EXPECT_FALSE(b.poll());
}

TEST(ConnectionTest, AnEmptyMessageCountsForPoll) {
  const auto [a, b] = pipe();
  EXPECT_FALSE(b.poll());
  EXPECT_FALSE(b.poll(-1s));
  a.send_bytes({});
  a.send_bytes({});
  EXPECT_TRUE(b.poll());
  b.recv_bytes();
  EXPECT_TRUE(b.poll(1h));
  b.recv_bytes();
  EXPECT_FALSE(b.poll());
}

TEST(ConnectionTest, PollWaitsItsTimeOut) {
  const auto [a, b] = pipe();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(b.poll(30ms));
  EXPECT_GE(std::chrono::steady_clock::now() - start, 30ms);
}

TEST(ConnectionTest, TheStreamEndsWhenTheOtherEndIsClosed) {
  const auto [a, b] = pipe();
  a.send(1);
  a.close();
  EXPECT_EQ(b.recv<int>(), 1);  // what was sent before is still there
  EXPECT_TRUE(b.poll());
  EXPECT_THROW(b.recv<int>(), EndOfStreamError);
  EXPECT_THROW(b.recv_bytes(), EndOfStreamError);
  EXPECT_THROW(b.send(1), ClosedError);
}

TEST(ConnectionTest, WhatWasSentBeforeTheOtherEndWasClosedIsThereThoughItHadNotReadAll) {
  const auto [a, b] = pipe();
  a.send(1);
  b.send(2);
  b.close();
  EXPECT_EQ(a.recv<int>(), 2);
  EXPECT_THROW(a.recv<int>(), EndOfStreamError);
}

TEST(ConnectionTest, AClosedEndRefusesEverything) {
  const auto [a, b] = pipe();
  const Connection copy = a;
  a.close();
  a.close();
  EXPECT_TRUE(copy.closed());  // one object, two handles
  EXPECT_THROW(a.send(1), ClosedError);
  EXPECT_THROW(a.recv<int>(), ClosedError);
  EXPECT_THROW(a.poll(), ClosedError);
  EXPECT_THROW(static_cast<void>(a.fileno()), ClosedError);
  EXPECT_THROW(Connection().recv<int>(), ClosedError);
}

TEST(ConnectionTest, AOneWayPipeHasAReaderAndAWriter) {
  const auto [reader, writer] = pipe(Duplex::no);
  EXPECT_TRUE(reader.readable() && !reader.writable());
  EXPECT_TRUE(writer.writable() && !writer.readable());
  EXPECT_THROW(reader.send(1), ClosedError);
  EXPECT_THROW(writer.recv<int>(), ClosedError);
  EXPECT_THROW(writer.poll(), ClosedError);
  writer.send(3);
  EXPECT_EQ(reader.recv<int>(), 3);
}

TEST(ConnectionTest, AskingForAnotherTypeThrowsAndConsumesTheMessage) {
  const auto [a, b] = pipe();
  a.send(1);
  a.send(std::string("two"));
  a.send_bytes(bytes_of(3));
  a.send(4);
  EXPECT_THROW(b.recv<std::string>(), CodecError);
  EXPECT_THROW(b.recv_bytes(), CodecError);
  EXPECT_THROW(b.recv<int>(), CodecError);
  EXPECT_EQ(b.recv<int>(), 4);
}

TEST(ConnectionTest, AMessageOverTheMaximumThrowsAndCloses) {
  const auto [a, b] = pipe();
  a.send_bytes(bytes_of(10));
  EXPECT_THROW(b.recv_bytes(9), CodecError);
  EXPECT_TRUE(b.closed());
}

TEST(ConnectionTest, ABufferThatIsTooShortLosesThatMessageOnly) {
  const auto [a, b] = pipe();
  a.send_bytes(bytes_of(10));
  a.send_bytes(bytes_of(4));
  std::vector<std::byte> buffer(8);
  EXPECT_THROW(b.recv_bytes_into(buffer), CodecError);
  EXPECT_EQ(b.recv_bytes_into(buffer), 4U);
  EXPECT_TRUE(std::equal(buffer.begin(), buffer.begin() + 4, bytes_of(4).begin()));
}

TEST(ConnectionTest, ConnectionsTravelThroughConnections) {
  const auto [a, b] = pipe();
  auto [inner_here, inner_there] = pipe(Duplex::no);
  a.send(inner_there);
  const Connection received = b.recv<Connection>();
  EXPECT_TRUE(received.writable() && !received.readable());
  received.send(std::string("through"));
  EXPECT_EQ(inner_here.recv<std::string>(), "through");
}

TEST(ConnectionTest, DescriptorsTravelThroughConnections) {
  const auto [a, b] = pipe();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const UniqueFd reader(ends[0]);
  a.send(UniqueFd(ends[1]));
  const UniqueFd received = b.recv<UniqueFd>();
  ASSERT_EQ(::write(received.get(), "x", 1), 1);
  char text = 0;
  EXPECT_EQ(::read(reader.get(), &text, 1), 1);
  EXPECT_EQ(text, 'x');
}

TEST(ConnectionTest, OneThreadMaySendWhileAnotherReceives) {
  const auto [a, b] = pipe();
  constexpr int kCount = 20'000;
  std::thread sender([&, &a = a] {
    for (int i = 0; i < kCount; ++i) a.send(i);
  });
  for (int i = 0; i < kCount; ++i) ASSERT_EQ(b.recv<int>(), i);
  sender.join();
}

TEST(ConnectionTest, ASenderWaitsForASlowReceiver) {
  const auto [a, b] = pipe();
  std::thread sender([&, &a = a] {
    for (std::size_t i = 0; i < 2000; ++i) a.send_bytes(bytes_of(i * 97 % 80'000));
  });
  for (std::size_t i = 0; i < 2000; ++i) {
    ASSERT_EQ(b.recv_bytes().size(), i * 97 % 80'000);
  }
  sender.join();
}

TEST(ConnectionTest, InACopyMadeByABareForkItIsClosed) {
  const auto [a, b] = pipe();
  const pid_t child = ::fork();
  if (child == 0) {
    int thrown = 0;
    try {
      a.send(1);
    } catch (const ClosedError&) {
      ++thrown;
    }
    ::_exit(thrown);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  a.send(2);
  EXPECT_EQ(b.recv<int>(), 2);
}

TEST(ConnectionTest, LeavesNoDescriptorBehind) {
  const test::LeakGuard guard;
  for (int i = 0; i < 50; ++i) {
    const auto [a, b] = pipe();
    a.send(b);
    a.send_bytes(bytes_of(100'000));
    b.recv<Connection>();
  }
}

// A peer of one's own making, who speaks to the socket directly.
class HostilePeerTest : public testing::Test {
 protected:
  struct Header {
    std::uint64_t type;
    std::uint64_t size;
    std::uint64_t descriptors;
  };
  using Bytes = std::vector<std::byte>;

  // A value with one descriptor.
  class PacketOf {
   public:
    PacketOf(std::uint64_t type, std::span<const std::byte> value)
        : packet_(sizeof(Header) + value.size()) {
      const Header header{type, value.size(), 1};
      std::memcpy(packet_.data(), &header, sizeof header);
      std::copy(value.begin(), value.end(), packet_.begin() + sizeof header);
    }
    std::span<const std::byte> bytes() const { return packet_; }

   private:
    Bytes packet_;
  };

  void send(Header header, std::size_t extra, std::vector<int> fds = {}) {
    std::vector<std::byte> packet(sizeof header + extra);
    std::memcpy(packet.data(), &header, sizeof header);
    ASSERT_TRUE(os::send_message(peer.fileno(), packet, fds, os::Wait::yes));
  }
  std::pair<Connection, Connection> ends = pipe();
  const Connection& victim = ends.first;
  const Connection& peer = ends.second;
};

TEST_F(HostilePeerTest, TornAndContradictoryMessagesAreRefused) {
  ASSERT_TRUE(os::send_message(peer.fileno(), bytes_of(5), {}, os::Wait::yes));
  EXPECT_THROW(victim.recv_bytes(), CodecError);
  send({0, 100, 0}, 50);  // says more than it holds
  EXPECT_THROW(victim.recv_bytes(), CodecError);
  send({0, 10, 0}, 50);  // says less
  EXPECT_THROW(victim.recv_bytes(), CodecError);
  send({0, 10, 3}, 10);  // descriptors that did not come
  EXPECT_THROW(victim.recv_bytes(), CodecError);
  send({0, ~std::uint64_t{0}, 0}, 0);  // a file that did not come
  EXPECT_THROW(victim.recv_bytes(), CodecError);
  send({0, 1 << 20, ~std::uint64_t{0}}, 0);  // with the file, a number of descriptors that wraps
  EXPECT_THROW(victim.recv_bytes(), CodecError);
}

TEST_F(HostilePeerTest, FilesThatMayChangeAreRefused) {
  constexpr std::size_t kSize = 1 << 20;
  const auto open = os::create_shared_file("hostile", kSize);
  ASSERT_TRUE(open);
  send({0, kSize, 0}, 0, {open->get()});
  EXPECT_THROW(victim.recv_bytes(), CodecError);
  const auto small = os::make_sealed_file("hostile", bytes_of(100));
  ASSERT_TRUE(small);
  send({0, kSize, 0}, 0, {small->get()});  // reading past its end would be SIGBUS
  EXPECT_THROW(victim.recv_bytes(), CodecError);
  send({0, kSize, 0}, 0, {STDERR_FILENO});
  EXPECT_THROW(victim.recv_bytes(), CodecError);
}

// The file of a message that has been received is the receiver's to read, whatever its sender does.
TEST_F(HostilePeerTest, AMessageCannotBeCutOrPunchedUnderItsReader) {
  const Bytes large = bytes_of(1 << 20);
  auto file = os::create_shared_file("hostile", large.size());
  ASSERT_TRUE(file);
  ASSERT_EQ(::pwrite(file->get(), large.data(), large.size(), 0),
            static_cast<ssize_t>(large.size()));
  ASSERT_TRUE(os::seal(file->get(), os::Writers::those_who_map_it));  // its bytes may still change
  send({0, large.size(), 0}, 0, {file->get()});
  EXPECT_THROW(victim.recv_bytes(), CodecError);

  const auto sealed = os::make_sealed_file("hostile", large);
  ASSERT_TRUE(sealed);
  send({0, large.size(), 0}, 0, {sealed->get()});
  EXPECT_NE(::ftruncate(sealed->get(), 0), 0);
  EXPECT_NE(::fallocate(sealed->get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
  EXPECT_EQ(victim.recv_bytes(), large);
}

TEST_F(HostilePeerTest, DescriptorsNobodyAskedForAreClosed) {
  const test::LeakGuard guard;
  send({0, 10, 2}, 10, {STDERR_FILENO, STDERR_FILENO});
  EXPECT_EQ(victim.recv_bytes().size(), 10U);
  const std::vector<int> bomb(os::kMaxDescriptorsPerMessage, STDERR_FILENO);
  for (int i = 0; i < 20; ++i) {
    send({0, 10, bomb.size()}, 10, bomb);
    EXPECT_EQ(victim.recv_bytes().size(), 10U);
    send({0, 10, 0}, 10, bomb);  // not even announced
    EXPECT_THROW(victim.recv_bytes(), CodecError);
  }
}

TEST_F(HostilePeerTest, DescriptorsThatDoNotFitCostTheirMessageOnly) {
  const test::LeakGuard guard;
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  send({0, 10, 200}, 10, std::vector<int>(200, STDERR_FILENO));
  const rlimit few{100, usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  EXPECT_THROW(victim.recv_bytes(), ResourceError);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
  send({0, 10, 0}, 10);
  EXPECT_EQ(victim.recv_bytes().size(), 10U);
}

// What rides in the place of a handle's descriptor.
TEST_F(HostilePeerTest, AHandleOfAnotherKindOfDescriptorIsRefused) {
  const auto [connection, kept] = pipe();
  Writer right;
  right.put(connection);
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(::pipe2(pipe_ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(pipe_ends[0]);
  const UniqueFd writer(pipe_ends[1]);
  const UniqueFd file(::memfd_create("hostile", MFD_CLOEXEC));
  const UniqueFd stream(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  for (const UniqueFd* wrong : {&reader, &file, &stream}) {
    const PacketOf packet{type_hash<Connection>(), right.bytes()};
    ASSERT_TRUE(
        os::send_message(peer.fileno(), packet.bytes(), std::vector{wrong->get()}, os::Wait::yes));
    EXPECT_THROW(victim.recv<Connection>(), CodecError);
  }
}

}  // namespace
}  // namespace shoal
