// SPDX-License-Identifier: Apache-2.0
#include "process/boot.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "os/socket.hpp"
#include "shoal/codec.hpp"
#include "shoal/error.hpp"

namespace shoal::process {
namespace {

int an_entry(ChildContext&) { return 0; }

std::pair<os::Fd, os::Fd> make_ends() {
  auto ends = os::create_socket_pair(os::SocketKind::messages);
  return std::move(*ends);
}

ChildSpec make_spec(const std::string& payload) {
  ChildSpec spec;
  spec.name = "Boris";
  spec.identity = "3:1";
  spec.is_daemon = true;
  spec.entry = an_entry;
  spec.environment = {{"COLOUR", "red"}};
  spec.payload.put(payload);
  return spec;
}

std::string payload_of(const Boot& boot) {
  Reader reader(boot.payload, boot.descriptors);
  return reader.get<std::string>();
}

TEST(BootTest, ShortMessageArrivesWhole) {
  auto [parent, child] = make_ends();
  ASSERT_TRUE(BootMessage(make_spec("hello")).send(parent.get()));
  const std::optional<Boot> boot = receive_boot(child.get());
  ASSERT_TRUE(boot);
  EXPECT_EQ(boot->head.name, "Boris");
  EXPECT_EQ(boot->head.identity, "3:1");
  EXPECT_TRUE(boot->head.is_daemon);
  EXPECT_EQ(boot->head.parent_pid, ::getpid());
  EXPECT_EQ(boot->head.environment.at("COLOUR"), "red");
  EXPECT_EQ(serial::resolve(boot->head.entry), reinterpret_cast<std::uintptr_t>(&an_entry));
  EXPECT_EQ(payload_of(*boot), "hello");
}

TEST(BootTest, LongMessageTravelsInAMemoryFile) {
  auto [parent, child] = make_ends();
  for (const std::size_t size : {kMaxInlineBytes - 512, kMaxInlineBytes, std::size_t{1} << 22}) {
    const std::string payload(size, 'z');
    ASSERT_TRUE(BootMessage(make_spec(payload)).send(parent.get()));
    const std::optional<Boot> boot = receive_boot(child.get());
    ASSERT_TRUE(boot);
    EXPECT_EQ(payload_of(*boot), payload);
  }
}

TEST(BootTest, DescriptorsRideAlong) {
  auto [parent, child] = make_ends();
  ChildSpec spec = make_spec(std::string(kMaxInlineBytes, 'z'));  // with the memory file among them
  const auto zero = std::make_shared<const UniqueFd>(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  spec.payload.put_fd(zero);
  ASSERT_TRUE(BootMessage(spec).send(parent.get()));
  const std::optional<Boot> boot = receive_boot(child.get());
  ASSERT_TRUE(boot);
  Reader reader(boot->payload, boot->descriptors);
  static_cast<void>(reader.get<std::string>());
  char byte = 'x';
  EXPECT_EQ(::read(reader.take_fd()->get(), &byte, 1), 1);
  EXPECT_EQ(byte, '\0');
}

TEST(BootTest, MoreDescriptorsThanTravelAreRefusedByTheirNumber) {
  ChildSpec spec = make_spec("");
  for (int i = 0; i < 252; ++i) {
    spec.payload.put_fd(
        std::make_shared<const UniqueFd>(::open("/dev/null", O_RDONLY | O_CLOEXEC)));
  }
  try {
    const BootMessage message(spec);
    FAIL() << "it was taken";
  } catch (const ResourceError& error) {
    EXPECT_NE(std::string(error.what()).find("252 descriptors"), std::string::npos);
  }
}

TEST(BootTest, ParentThatIsGoneGivesNothing) {
  auto [parent, child] = make_ends();
  parent.reset();
  EXPECT_FALSE(receive_boot(child.get()));
}

TEST(BootTest, ForeignBytesAreRefused) {
  auto [parent, child] = make_ends();
  for (const std::size_t size : {1U, 8U, 31U, 32U, 200U}) {
    const std::vector<std::byte> bytes(size, std::byte{0x41});
    ASSERT_TRUE(os::send_message(parent.get(), bytes, {}, os::Wait::yes));
    EXPECT_THROW(receive_boot(child.get()), StartError) << size;
  }
}

// Catches what a BootMessage sends, to be changed and sent on.
struct Caught {
  std::vector<std::byte> bytes = std::vector<std::byte>(kMaxInlineBytes + 4096);
  std::vector<os::Fd> fds;

  explicit Caught(const ChildSpec& spec) {
    auto [parent, child] = make_ends();
    static_cast<void>(BootMessage(spec).send(parent.get()));
    auto message = os::receive_message(child.get(), bytes, os::Wait::yes);
    bytes.resize(message->size);
    fds = std::move(message->fds);
  }

  void expect_refusal(std::size_t size, std::size_t descriptors) const {
    auto [parent, child] = make_ends();
    std::vector<int> numbers;
    for (std::size_t i = 0; i < descriptors; ++i) numbers.push_back(fds[i].get());
    ASSERT_TRUE(
        os::send_message(parent.get(), std::span(bytes).first(size), numbers, os::Wait::yes));
    EXPECT_THROW(receive_boot(child.get()), Error) << size << " bytes";
  }
};

TEST(BootTest, EveryCutIsRefused) {
  const Caught caught(make_spec("hello"));
  for (std::size_t size = 1; size < caught.bytes.size(); ++size) caught.expect_refusal(size, 1);
}

TEST(BootTest, LostDescriptorIsRefused) {
  const Caught caught(make_spec("hello"));
  caught.expect_refusal(caught.bytes.size(), 0);
}

TEST(BootTest, AnotherVersionIsRefused) {
  Caught caught(make_spec("hello"));
  caught.bytes[4] ^= std::byte{0xff};
  caught.expect_refusal(caught.bytes.size(), 1);
}

}  // namespace
}  // namespace shoal::process
