// SPDX-License-Identifier: Apache-2.0
#include "channel/address.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

#include "channel/handshake.hpp"

namespace shoal::channel {
namespace {

Address server(std::string_view text) { return parse_address(text, Side::server, "Listener"); }
Address client(std::string_view text) { return parse_address(text, Side::client, "connect"); }

TEST(AddressTest, PathsAndPortsAreRead) {
  EXPECT_EQ(server("unix:/run/x/y").path, "/run/x/y");
  EXPECT_TRUE(server("unix:").is_unix);
  EXPECT_TRUE(server("unix:").path.empty());
  EXPECT_EQ(client("tcp:127.0.0.1:80").host, "127.0.0.1");
  EXPECT_EQ(client("tcp:127.0.0.1:65535").port, 65535);
  EXPECT_EQ(server("tcp:[::1]:0").host, "::1");
  EXPECT_EQ(client("tcp:some.host-1.example:1").host, "some.host-1.example");
}

TEST(AddressTest, WhatIsNoneIsRefused) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {""sv,
                                      "unix"sv,
                                      "/tmp/x"sv,
                                      "unix:relative"sv,
                                      "unix:/tmp/"sv,
                                      "unix:@name"sv,
                                      "unix:\0name"sv,
                                      "unix:/tmp/\0x"sv,
                                      "UNIX:/tmp/x"sv,
                                      "tcp:"sv,
                                      "tcp:host"sv,
                                      "tcp::80"sv,
                                      "tcp:host:"sv,
                                      "tcp:host:-1"sv,
                                      "tcp:host:65536"sv,
                                      "tcp:host:8o"sv,
                                      "tcp:host: 80"sv,
                                      "tcp:::1:80"sv,
                                      "tcp:[]:80"sv,
                                      "tcp://host:80"sv,
                                      "udp:host:80"sv,
                                      "tcp:a b:80"sv,
                                      "tcp:[::1:80"sv}) {
    EXPECT_THROW(server(text), std::invalid_argument) << text;
  }
  EXPECT_THROW(server("unix:/" + std::string(107, 'x')), std::invalid_argument);
  EXPECT_NO_THROW(server("unix:/" + std::string(106, 'x')));
  EXPECT_THROW(client("unix:"), std::invalid_argument);
  EXPECT_THROW(client("tcp:host:0"), std::invalid_argument);
}

TEST(AddressTest, ARefusalNamesTheCallAndTheAddress) {
  try {
    client("tcp:ho\nst");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "connect: \"tcp:ho?st\" is no address: its port is missing");
  }
}

}  // namespace
}  // namespace shoal::channel
