// SPDX-License-Identifier: Apache-2.0
// A worker of the test's own making, which writes what it likes into its memory and socket.
#include "pool/incarnation.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "os/memfd.hpp"
#include "os/socket.hpp"
#include "pool/parcel.hpp"
#include "support/leak_guard.hpp"

namespace shoal::pool {
namespace {

int twice(int n) { return 2 * n; }

template <class T>
T value_of(os::Result<T> result) {
  EXPECT_TRUE(result);
  return std::move(*result);
}

class IncarnationTest : public testing::Test {
 protected:
  using Kind = Incarnation::Harvest::Kind;

  IncarnationTest() : IncarnationTest(WorkerFiles()) {}

  TaskRef deliver(std::size_t bytes = 4) {
    Writer arguments;
    internal::CallTarget call = internal::encode_call(arguments, twice, 1);
    arguments.write(std::string(bytes, 'a').data(), bytes);
    auto task = std::make_shared<Task>(functions.intern(call), Payload(std::move(arguments)));
    task->ticket = ++last_ticket;
    EXPECT_EQ(incarnation.deliver(*task, functions), Delivery::done);
    return task;
  }
  // Publishes `completion` as a worker would.
  void complete(const Completion& completion) {
    Entry entry;
    ASSERT_TRUE(mailbox.take(entry, 0));
    mailbox.complete(completion);
  }
  Completion completion(Place place, std::uint64_t size, std::uint32_t offset = 0) const {
    Completion result{};
    result.ticket = last_ticket;
    result.place = place;
    result.size = size;
    result.offset = offset;
    return result;
  }
  void expect_violation(const Completion& forged, const std::string& text) {
    deliver();
    complete(forged);
    EXPECT_EQ(incarnation.collect(last_ticket).kind, Kind::nothing);
    EXPECT_EQ(incarnation.violation(), text);
  }

  FunctionTable functions;
  std::uint64_t last_ticket = 0;
  std::pair<os::Fd, os::Fd> sockets = value_of(os::create_socket_pair(os::SocketKind::messages));
  int worker_socket = sockets.second.get();
  Incarnation incarnation;
  AttachedMemory attached;
  WorkerMailbox<sync::Hardware> mailbox{attached.submissions(), attached.completions(),
                                        attached.gate()};

 private:
  explicit IncarnationTest(WorkerFiles files)
      : incarnation(value_of(WorkerMemory::create(0, files)), nullptr, std::move(sockets.first)),
        attached(value_of(AttachedMemory::attach(
            files.submissions.get(), files.completions.get(), files.gate.get(),
            value_of(os::create_shared_file("board", kBoardBytes)).get()))) {}
};

TEST_F(IncarnationTest, ResultsComeFromEveryPlace) {
  deliver();
  complete(completion(Place::in_entry, kCompletionInlineBytes));
  EXPECT_EQ(incarnation.collect(1).result.bytes().size(), kCompletionInlineBytes);
  deliver();
  attached.completions().replies.back() = std::byte{7};
  complete(completion(Place::in_mailbox, 100, sizeof(SharedCompletions::replies) - 100));
  EXPECT_EQ(incarnation.collect(2).result.bytes().back(), std::byte{7});
  deliver();
  const std::vector<std::byte> large(300'000, std::byte{9});
  const os::Fd file = value_of(os::make_sealed_file("result", large));
  ASSERT_TRUE(send_parcel(worker_socket, {3, 1, 0}, std::array{file.get()}, os::Wait::yes));
  complete(completion(Place::in_file, large.size()));
  EXPECT_TRUE(std::ranges::equal(incarnation.collect(3).result.bytes(), large));
  EXPECT_EQ(incarnation.violation(), "");
}

TEST_F(IncarnationTest, ArgumentsGoToEveryPlace) {
  Entry entry;
  deliver(10);
  ASSERT_TRUE(mailbox.take(entry, 0));
  EXPECT_EQ(entry.place, Place::in_entry);
  deliver(1000);
  ASSERT_TRUE(mailbox.take(entry, 0));
  EXPECT_EQ(entry.place, Place::in_mailbox);
  EXPECT_EQ(attached.submissions().arguments[entry.offset + 500], std::byte{'a'});
  deliver(100'000);
  ASSERT_TRUE(mailbox.take(entry, 0));
  EXPECT_EQ(entry.place, Place::in_file);
  EXPECT_EQ(value_of(receive_parcel(worker_socket, os::Wait::yes)).label.ticket, 3U);
}

TEST_F(IncarnationTest, TheWorkerCannotWriteItsParentsMemory) {
  WorkerFiles files;
  const WorkerMemory memory = value_of(WorkerMemory::create(0, files));
  const auto map =
      memory::Mapping::map(files.submissions.get(), kSubmissionsBytes, memory::Access::read_write);
  ASSERT_FALSE(map);
  EXPECT_EQ(map.error().error, EPERM);
  EXPECT_LT(::pwrite(files.submissions.get(), "x", 1, 0), 0);
  EXPECT_LT(::ftruncate(files.completions.get(), 0), 0);
}

TEST_F(IncarnationTest, AForeignTicketIsAForgery) {
  Completion forged = completion(Place::in_entry, 0);
  forged.ticket = 77;  // it was given 1
  expect_violation(forged, "a forged completion");
}

class ImpossibleResultTest : public IncarnationTest,
                             public testing::WithParamInterface<std::size_t> {
 protected:
  // What a lying worker may write, one lie each.
  Completion lie(std::size_t which) {
    constexpr auto kReplies = static_cast<std::uint32_t>(sizeof(SharedCompletions::replies));
    last_ticket = 1;
    switch (which) {
      case 0:
        return completion(Place::in_entry, kCompletionInlineBytes + 1);
      case 1:
        return completion(Place::in_entry, ~std::uint64_t{0});
      case 2:
        return completion(Place::in_mailbox, kReplies + 1);
      case 3:
        return completion(Place::in_mailbox, 1, kReplies);
      case 4:
        return completion(Place::in_mailbox, ~std::uint64_t{0}, 16);
      case 5:
        return completion(Place::in_mailbox, 16, ~std::uint32_t{0});
      case 6:
        return completion(static_cast<Place>(3), 16);
      case 7:
        return completion(Place::in_file, 300'000);  // no parcel was sent
      case 8: {
        Completion silent = completion(Place::in_entry, 4);
        silent.descriptors = 5;  // nor here
        return silent;
      }
      default: {
        Completion odd = completion(Place::in_entry, 4);
        odd.outcome = static_cast<Outcome>(2);
        return odd;
      }
    }
  }
};

TEST_P(ImpossibleResultTest, IsSeen) {
  const Completion forged = lie(GetParam());
  last_ticket = 0;
  expect_violation(forged, "an impossible result");
}

INSTANTIATE_TEST_SUITE_P(, ImpossibleResultTest, testing::Range(std::size_t{0}, std::size_t{10}));

TEST_F(IncarnationTest, FilesThatMayChangeAreRefused) {
  const os::Fd open = value_of(os::create_shared_file("open", 300'000));
  deliver();
  ASSERT_TRUE(send_parcel(worker_socket, {1, 1, 0}, std::array{open.get()}, os::Wait::yes));
  complete(completion(Place::in_file, 300'000));
  EXPECT_EQ(incarnation.collect(1).kind, Kind::nothing);
  EXPECT_EQ(incarnation.violation(), "an impossible result");
}

TEST_F(IncarnationTest, MoreDescriptorsThanWereAnnouncedAreClosed) {
  const test::LeakGuard guard;
  deliver();
  ASSERT_TRUE(send_parcel(worker_socket, {1, 0, 0}, std::array{2, 2, 2}, os::Wait::yes));
  Completion forged = completion(Place::in_entry, 4);
  forged.descriptors = 1;
  complete(forged);
  EXPECT_EQ(incarnation.collect(1).kind, Kind::nothing);
  EXPECT_EQ(incarnation.violation(), "an impossible result");
}

TEST_F(IncarnationTest, AGateThatMovedByItselfIsAViolation) {
  attached.gate().word.store(GateValue{5, 5}.pack());
  Writer arguments;
  const internal::CallTarget call = internal::encode_call(arguments, twice, 1);
  Task task(functions.intern(call), Payload(std::move(arguments)));
  task.ticket = 1;
  EXPECT_EQ(incarnation.deliver(task, functions), Delivery::refused);
  EXPECT_EQ(incarnation.violation(), "an impossible gate");
}

TEST_F(IncarnationTest, OnlyTheFirstMessageIsAHello) {
  ASSERT_TRUE(send_parcel(worker_socket, {kHelloTicket, 0, 0}, {}, os::Wait::yes));
  ASSERT_TRUE(send_parcel(worker_socket, {kHelloTicket, 0, 0}, {}, os::Wait::yes));
  EXPECT_TRUE(incarnation.read_hello());
  EXPECT_FALSE(incarnation.read_hello());
}

TEST_F(IncarnationTest, OtherFirstMessagesAreNoHello) {
  ASSERT_TRUE(send_parcel(worker_socket, {1, 0, 0}, {}, os::Wait::yes));
  EXPECT_FALSE(incarnation.read_hello());
}

}  // namespace
}  // namespace shoal::pool
