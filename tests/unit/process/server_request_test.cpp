// SPDX-License-Identifier: Apache-2.0
#include "process/server_request.hpp"

#include <gtest/gtest.h>

#include <array>

#include "os/socket.hpp"

namespace shoal::process {
namespace {

using Kind = HeardRequest::Kind;

class ServerRequestTest : public testing::Test {
 protected:
  void send(std::span<const std::byte> bytes, std::size_t descriptors) {
    const std::vector<int> fds(descriptors, 0);
    ASSERT_TRUE(os::send_message(sockets->first.get(), bytes, fds, os::Wait::yes));
  }
  Kind heard_of(const StartRequest& request, std::size_t descriptors) {
    send(bytes_of(request), descriptors);
    return receive_request(sockets->second.get()).kind;
  }

  base::Result<std::pair<os::Fd, os::Fd>> sockets =
      os::create_socket_pair(os::SocketKind::messages);
};

TEST_F(ServerRequestTest, ARequestComesWithItsDescriptors) {
  EXPECT_EQ(heard_of({7, 0, 0}, 1), Kind::start);
  EXPECT_EQ(heard_of({8, 1, 1}, 3), Kind::start);
  EXPECT_EQ(receive_request(sockets->second.get()).kind, Kind::nothing);
}

TEST_F(ServerRequestTest, LostDescriptorsAreNoticed) {
  EXPECT_EQ(heard_of({7, 0, 0}, 0), Kind::cut);
  EXPECT_EQ(heard_of({7, 1, 0}, 1), Kind::cut);
}

TEST_F(ServerRequestTest, CountsThatWrapAroundAreRefused) {
  EXPECT_EQ(heard_of({7, ~std::uint32_t{0}, 1}, 1), Kind::end);
  EXPECT_EQ(heard_of({7, 2, 0}, 3), Kind::end);
}

TEST_F(ServerRequestTest, OtherSizesAndTheEndOfTheOwnerEndTheServer) {
  send(std::array{std::byte{1}, std::byte{2}, std::byte{3}}, 0);
  EXPECT_EQ(receive_request(sockets->second.get()).kind, Kind::end);
  sockets->first.reset();
  EXPECT_EQ(receive_request(sockets->second.get()).kind, Kind::end);
}

}  // namespace
}  // namespace shoal::process
