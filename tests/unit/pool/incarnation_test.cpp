// SPDX-License-Identifier: Apache-2.0
// A worker of the test's own making, which writes what it likes into its memory and socket.
#include "pool/incarnation.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "os/memfd.hpp"
#include "os/socket.hpp"
#include "pool/parcel.hpp"
#include "pool/segment_maps.hpp"
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
    EXPECT_TRUE(incarnation.publish());
    delivered.push_back(task);
    return task;
  }
  // Takes in the result of the task with this ticket.
  Incarnation::Harvest collect(std::uint64_t ticket) {
    const auto at = std::ranges::find_if(
        delivered, [&](const TaskRef& task) { return task->ticket == ticket; });
    return incarnation.collect(**at);
  }
  std::span<const std::byte> collected_bytes(std::uint64_t ticket) {
    harvest = collect(ticket);
    return harvest.completed.result.bytes();
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
    EXPECT_EQ(collect(last_ticket).kind, Kind::nothing);
    EXPECT_EQ(incarnation.violation(), text);
  }

  FunctionTable functions;
  std::uint64_t last_ticket = 0;
  std::vector<TaskRef> delivered;
  Incarnation::Harvest harvest;
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
  EXPECT_EQ(collected_bytes(1).size(), kCompletionInlineBytes);
  deliver();
  attached.completions().replies.back() = std::byte{7};
  complete(completion(Place::in_mailbox, 100, sizeof(SharedCompletions::replies) - 100));
  EXPECT_EQ(collected_bytes(2).back(), std::byte{7});
  deliver();
  const std::vector<std::byte> large(300'000, std::byte{9});
  const os::Fd file = value_of(os::make_sealed_file("result", large));
  ASSERT_TRUE(send_parcel(worker_socket, {3, 1}, std::array{file.get()}, os::Wait::yes));
  complete(completion(Place::in_file, large.size()));
  EXPECT_TRUE(std::ranges::equal(collected_bytes(3), large));
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
  for (last_ticket = 1; last_ticket <= 2; ++last_ticket) {
    mailbox.complete(completion(Place::in_entry, 0));
    ASSERT_EQ(collect(last_ticket).kind, Kind::result);
  }
  last_ticket = 2;
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
        return completion(static_cast<Place>(5), 16);
      case 7:
        return completion(Place::in_file, 300'000);  // no parcel was sent
      case 8: {
        Completion silent = completion(Place::in_entry, 4);
        silent.descriptors = 5;  // nor here
        return silent;
      }
      case 9:
        return completion(Place::in_segment, 16);  // no segment was sent
      case 10: {
        Completion part = completion(Place::in_entry, 4);
        part.items = 1;  // of a plain call
        return part;
      }
      case 11: {
        Completion part = completion(Place::in_entry, 4);
        part.error_bytes = 4;
        return part;
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

INSTANTIATE_TEST_SUITE_P(, ImpossibleResultTest, testing::Range(std::size_t{0}, std::size_t{13}));

// What a worker may say of a part of four elements: {items, error bytes, outcome}.
struct ItemsLie {
  std::uint32_t items;
  std::uint32_t error_bytes;
  Outcome outcome;
};
class ImpossiblePartTest : public IncarnationTest, public testing::WithParamInterface<ItemsLie> {};

TEST_P(ImpossiblePartTest, IsSeen) {
  internal::ItemBatch items{Writer(), 4, sizeof(int), {}};
  for (int i = 0; i < 4; ++i) items.bytes.put(i);
  Writer unused;
  Task task(functions.intern(internal::encode_call(unused, twice, 1)), Payload());
  task.ticket = last_ticket = 1;
  task.part = std::make_unique<Part>();
  task.part->batch = std::make_shared<const Batch>(std::move(items));
  task.part->count = 4;
  ASSERT_EQ(incarnation.deliver(task, functions), Delivery::done);
  ASSERT_TRUE(incarnation.publish());
  Completion forged = completion(Place::in_entry, 16);
  forged.items = GetParam().items;
  forged.error_bytes = GetParam().error_bytes;
  forged.outcome = GetParam().outcome;
  complete(forged);
  EXPECT_EQ(incarnation.collect(task).kind, Kind::nothing);
  EXPECT_EQ(incarnation.violation(), "an impossible result");
}

INSTANTIATE_TEST_SUITE_P(, ImpossiblePartTest,
                         testing::Values(ItemsLie{5, 0, Outcome::value},       // too many
                                         ItemsLie{0, 0, Outcome::value},       // none, for ever
                                         ItemsLie{4, 8, Outcome::exception},   // and one more
                                         ItemsLie{2, 0, Outcome::exception},   // without one
                                         ItemsLie{2, 17, Outcome::exception},  // beyond the end
                                         ItemsLie{2, 4, Outcome::value}));

TEST_F(IncarnationTest, ADeadWorkersProgressIsChecked) {
  internal::ItemBatch items{Writer(), 4, sizeof(int), {}};
  for (int i = 0; i < 4; ++i) items.bytes.put(i);
  Writer unused;
  Task task(functions.intern(internal::encode_call(unused, twice, 1)), Payload());
  task.ticket = 9;
  task.part = std::make_unique<Part>();
  task.part->batch = std::make_shared<const Batch>(std::move(items));
  task.part->count = 4;
  using Progress = internal::ItemRun::Progress;
  const auto rescued = [&](std::uint64_t ticket, std::uint64_t offset, Progress progress) {
    attached.completions().run_ticket.store(ticket);
    attached.completions().run_offset.store(offset);
    attached.completions().progress.store(progress.pack());
    WorkerEnd end;
    incarnation.rescue(task, end);
    EXPECT_EQ(end.values.bytes().size(), end.items.value_or(0) * sizeof(int));
    return end.items;
  };
  constexpr std::uint64_t kReplies = sizeof(SharedCompletions::replies);
  EXPECT_EQ(rescued(9, 64, {3, 12}), 3U);
  EXPECT_EQ(rescued(8, 64, {3, 12}), 0U);  // another task's
  EXPECT_EQ(rescued(9, 64, {5, 20}), std::nullopt);
  EXPECT_EQ(rescued(9, kReplies - 8, {3, 12}), std::nullopt);
  EXPECT_EQ(rescued(9, ~std::uint64_t{0}, {3, 12}), std::nullopt);
}

TEST_F(IncarnationTest, LargeArgumentsLieInSegmentsThatAreSentOnce) {
  ArenaMemory memory("arguments");
  for (std::uint64_t ticket = 1; ticket <= 2; ++ticket) {
    Writer arguments(memory);
    const internal::CallTarget call = internal::encode_call(arguments, twice, 1);
    arguments.write(std::string(100'000, 'a').data(), 100'000);
    auto task = std::make_shared<Task>(functions.intern(call), Payload(std::move(arguments)));
    task->ticket = last_ticket = ticket;
    ASSERT_EQ(incarnation.deliver(*task, functions), Delivery::done);
    ASSERT_TRUE(incarnation.publish());
    delivered.push_back(task);
  }
  SegmentMaps maps(attached.submissions());
  Entry entry;
  ASSERT_TRUE(mailbox.take(entry, 0));
  ASSERT_EQ(entry.place, Place::in_segment);
  EXPECT_FALSE(maps.has(entry.segment));
  ASSERT_TRUE(maps.add(value_of(receive_parcel(worker_socket, os::Wait::yes))));
  EXPECT_TRUE(maps.has(entry.segment));
  EXPECT_EQ(maps.bytes(entry.segment)[entry.offset + 50'000], std::byte{'a'});
  EXPECT_FALSE(receive_parcel(worker_socket, os::Wait::no));  // once for both
  const memory::Arena& arena = memory.arena();
  EXPECT_FALSE(incarnation.drop_segments(arena));
  const ArenaMemory other("others");
  EXPECT_TRUE(incarnation.drop_segments(other.arena()));  // it has no such segment
  maps.drop_stale();
  EXPECT_FALSE(maps.has(entry.segment));
}

TEST_F(IncarnationTest, FilesThatMayChangeAreRefused) {
  const os::Fd open = value_of(os::create_shared_file("open", 300'000));
  deliver();
  ASSERT_TRUE(send_parcel(worker_socket, {1, 1}, std::array{open.get()}, os::Wait::yes));
  complete(completion(Place::in_file, 300'000));
  EXPECT_EQ(collect(1).kind, Kind::nothing);
  EXPECT_EQ(incarnation.violation(), "an impossible result");
}

TEST_F(IncarnationTest, AFalseAnswerIsABeginning) {
  deliver();
  Completion forged = completion(Place::in_entry, 0);
  forged.items = 1;
  complete(forged);
  attached.completions().taken.store(0);  // and it says that it never began
  EXPECT_EQ(incarnation.taken(), 0U);
  EXPECT_EQ(collect(1).kind, Kind::nothing);
  EXPECT_EQ(incarnation.taken(), 1U);
}

TEST_F(IncarnationTest, AnswersOfADeadWorkerAreForgeriesInItsSuccessors) {
  deliver();
  complete(completion(Place::in_entry, 4));
  ASSERT_EQ(collect(1).kind, Kind::result);
  WorkerFiles files;
  Incarnation successor(value_of(WorkerMemory::create(0, files)), nullptr, os::Fd());
  const auto map = value_of(memory::Mapping::map(files.completions.get(), kCompletionsBytes,
                                                 memory::Access::read_write));
  sync::Hardware::write(map.data(), &attached.completions(), kCompletionsBytes);
  delivered.front()->ticket = 2;  // it runs again there
  ASSERT_EQ(successor.deliver(*delivered.front(), functions), Delivery::done);
  ASSERT_TRUE(successor.publish());
  EXPECT_EQ(successor.collect(*delivered.front()).kind, Kind::nothing);
  EXPECT_EQ(successor.violation(), "a forged completion");
}

// Without a bound the parent would read for as long as its worker sends.
class ParcelFloodTest : public IncarnationTest, public testing::WithParamInterface<Place> {};

TEST_P(ParcelFloodTest, IsNotReadToItsEnd) {
  const int much = 1 << 24;
  ASSERT_EQ(::setsockopt(worker_socket, SOL_SOCKET, SO_SNDBUF, &much, sizeof much), 0);
  int sent = 0;
  while (sent < 2000 && send_parcel(worker_socket, {kSegmentTicket, 1}, {}, os::Wait::no)) ++sent;
  deliver();
  complete(completion(GetParam(), 300'000));
  EXPECT_EQ(collect(1).kind, Kind::nothing);
  EXPECT_EQ(incarnation.violation(), "an impossible result");
  EXPECT_TRUE(receive_parcel(incarnation.control(), os::Wait::no)) << "all " << sent << " were read";
}

INSTANTIATE_TEST_SUITE_P(, ParcelFloodTest,
                         testing::Values(Place::in_file, Place::in_new_segment));

TEST_F(IncarnationTest, MoreDescriptorsThanWereAnnouncedAreClosed) {
  const test::LeakGuard guard;
  deliver();
  ASSERT_TRUE(send_parcel(worker_socket, {1, 0}, std::array{2, 2, 2}, os::Wait::yes));
  Completion forged = completion(Place::in_entry, 4);
  forged.descriptors = 1;
  complete(forged);
  EXPECT_EQ(collect(1).kind, Kind::nothing);
  EXPECT_EQ(incarnation.violation(), "an impossible result");
}

TEST_F(IncarnationTest, AGateThatMovedByItselfIsAViolation) {
  attached.gate().word.store(GateValue{5, 5}.pack());
  Writer arguments;
  const internal::CallTarget call = internal::encode_call(arguments, twice, 1);
  Task task(functions.intern(call), Payload(std::move(arguments)));
  task.ticket = 1;
  EXPECT_EQ(incarnation.deliver(task, functions), Delivery::done);
  EXPECT_FALSE(incarnation.publish());
  EXPECT_EQ(incarnation.violation(), "an impossible gate");
}

TEST_F(IncarnationTest, AWorkerRunsOneTaskOfThoseItHasTaken) {
  deliver();
  deliver();
  complete(completion(Place::in_entry, 4));
  Entry entry;
  ASSERT_TRUE(mailbox.take(entry, 0));
  EXPECT_FALSE(incarnation.take_back());  // it runs the second, and the first was not collected
  EXPECT_EQ(incarnation.violation(), "");
  deliver();
  attached.gate().word.store(GateValue{3, 3}.pack());
  EXPECT_FALSE(incarnation.take_back());
  EXPECT_EQ(incarnation.violation(), "more tasks taken than run");
}

TEST_F(IncarnationTest, OnlyTheFirstMessageIsAHello) {
  ASSERT_TRUE(send_parcel(worker_socket, {kHelloTicket, 0}, {}, os::Wait::yes));
  ASSERT_TRUE(send_parcel(worker_socket, {kHelloTicket, 0}, {}, os::Wait::yes));
  std::string complaint;
  EXPECT_EQ(incarnation.read_hello(complaint), Incarnation::Hello::ready);
  EXPECT_EQ(incarnation.read_hello(complaint), Incarnation::Hello::none);
}

TEST_F(IncarnationTest, AComplaintIsCutToItsGreatestLength) {
  ASSERT_TRUE(send_parcel(worker_socket, {kBrokenTicket, 0, 0, 0, 1 << 30}, {}, os::Wait::yes));
  std::string complaint;
  EXPECT_EQ(incarnation.read_hello(complaint), Incarnation::Hello::broken);
  EXPECT_EQ(complaint.size(), kLongestComplaint);
}

TEST_F(IncarnationTest, OtherFirstMessagesAreNoHello) {
  ASSERT_TRUE(send_parcel(worker_socket, {1, 0}, {}, os::Wait::yes));
  std::string complaint;
  EXPECT_EQ(incarnation.read_hello(complaint), Incarnation::Hello::none);
}

}  // namespace
}  // namespace shoal::pool
