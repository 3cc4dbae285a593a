// SPDX-License-Identifier: Apache-2.0
// Hubs and handles, by what they do to files, descriptors and strangers.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <shoal/error.hpp>
#include <shoal/event.hpp>
#include <shoal/process.hpp>
#include <shoal/queue.hpp>
#include <vector>

#include "os/memfd.hpp"
#include "os/socket.hpp"
#include "shared/commons.hpp"
#include "shared/object.hpp"

namespace shoal::shared {
namespace {

struct Plain : Object {
  using Object::Object;
  std::atomic<std::uint32_t>& word() const {
    return *reinterpret_cast<std::atomic<std::uint32_t>*>(memory().data());
  }
};

std::shared_ptr<Plain> make_plain() {
  return create_object<Plain>({.kind = Kind::event, .bytes = 4096});
}

// A handle in its encoded form.
struct Letter {
  explicit Letter(const Object& object) { object.encode(writer); }
  Reader reader() const { return Reader(writer.bytes(), writer.descriptors()); }
  Writer writer;
};

TEST(ObjectTest, AHandleThatReturnsIsTheSameObject) {
  const auto object = make_plain();
  const Letter letter(*object);
  Reader reader = letter.reader();
  EXPECT_EQ(receive_object<Plain>(reader, Kind::event), object);
}

TEST(ObjectTest, AnotherKindOrTypeIsRefused) {
  const auto object = make_plain();
  const Letter letter(*object);
  Reader as_lock = letter.reader();
  EXPECT_THROW(receive_object<Plain>(as_lock, Kind::lock), CodecError);
  Reader as_typed = letter.reader();
  EXPECT_THROW(receive_object<Plain>(as_typed, Kind::event, 7), CodecError);
}

TEST(ObjectTest, OneWhoseHandlesAreGoneCanComeBack) {
  auto object = make_plain();
  object->word() = 5;
  const Letter letter(*object);
  const std::weak_ptr<Plain> gone = object;
  object.reset();
  EXPECT_TRUE(gone.expired());
  Reader reader = letter.reader();
  const auto back = receive_object<Plain>(reader, Kind::event);
  EXPECT_EQ(back->word(), 5U);
  EXPECT_NE(back->file().page().is_adopted.load(), 0U);
}

TEST(ObjectTest, OneThatNobodyHasIsLetGo) {
  auto object = make_plain();
  const Letter letter(*object);  // adopted from here on
  const auto mapping = object->file().mapping;
  EXPECT_NE(object->file().page().is_adopted.load(), 0U);
  object.reset();
  const auto& page = *reinterpret_cast<const ObjectPage*>(mapping->data());
  EXPECT_EQ(page.is_adopted.load(), 0U);
  EXPECT_EQ(mapping.use_count(), 1);
}

// A file that says to be an object, in the place of the real one.
Writer forge(const Object& object, os::Fd file) {
  const Letter real(object);
  Writer forged;
  forged.put(object.id().hub);
  forged.put(object.id().number + 1000);
  forged.put(::getpid());
  forged.put(false);
  forged.put_fd(std::make_shared<const UniqueFd>(std::move(file)));
  forged.put_fd(real.writer.descriptors()[1]);
  forged.put_fd(real.writer.descriptors()[2]);
  return forged;
}

void expect_refused(const Writer& forged) {
  Reader reader(forged.bytes(), forged.descriptors());
  EXPECT_THROW(receive_object<Plain>(reader, Kind::event), CodecError);
}

TEST(ObjectTest, ForgedFilesAreRefused) {
  const auto object = make_plain();
  expect_refused(forge(*object, *os::create_shared_file("unsealed", 2 * kHeaderBytes)));
  os::Fd empty = *os::create_shared_file("empty", 0);
  ASSERT_TRUE(os::seal(empty.get(), os::Writers::those_who_map_it));
  expect_refused(forge(*object, std::move(empty)));
  os::Fd zeros = *os::create_shared_file("zeros", 2 * kHeaderBytes);
  ASSERT_TRUE(os::seal(zeros.get(), os::Writers::those_who_map_it));
  expect_refused(forge(*object, std::move(zeros)));
  os::Fd other = *os::duplicate(Letter(*object).writer.descriptors()[0]->get());
  expect_refused(forge(*object, std::move(other)));  // of another number
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const os::Fd mouth(ends[1]);
  expect_refused(forge(*object, os::Fd(ends[0])));
}

TEST(ObjectTest, AHandleIsClosedInAForkedCopy) {
  const Queue<int> queue;
  const pid_t child = ::fork();
  if (child == 0) {
    bool is_refused = false;
    try {
      queue.put(1);
    } catch (const ClosedError&) {
      is_refused = true;
    }
    ::_exit(is_refused ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(queue.empty());
}

// --- what strangers say at the door -------------------------------------------------------------

class DoorTest : public testing::Test {
 protected:
  DoorTest() : letter_(*object_) {}

  int door() const { return letter_.writer.descriptors()[1]->get(); }

  void say(std::span<const std::byte> bytes, std::span<const int> fds) const {
    ASSERT_TRUE(os::send_message(door(), bytes, fds, os::Wait::yes));
  }

  // True if the hub still takes a process in that is given a handle.
  bool is_served() const {
    const Queue<int> queue;
    Process child([](const Queue<int>& out) { out.put(7); }, queue);
    child.start();
    child.join();
    return queue.try_get() == 7;
  }

  const std::shared_ptr<Plain> object_ = make_plain();
  const Letter letter_;
};

TEST_F(DoorTest, NoiseIsPassedOver) {
  const std::vector<std::byte> noise(300, std::byte{0x5a});
  for (std::size_t size = 1; size < noise.size(); size += 7) say(std::span(noise).first(size), {});
  EXPECT_TRUE(is_served());
}

TEST_F(DoorTest, DescriptorsOfStrangersAreClosed) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const os::Fd ear(ends[0]);
  os::Fd mouth(ends[1]);
  const std::vector<int> many(200, mouth.get());
  Question question{.ask = Ask::deposit, .subject = 1, .token = 9};
  say(std::as_bytes(std::span(&question, 1)), many);
  question.ask = static_cast<Ask>(77);
  say(std::as_bytes(std::span(&question, 1)), many);
  question.version = 99;
  say(std::as_bytes(std::span(&question, 1)), many);
  EXPECT_TRUE(is_served());  // all of that has been heard before
  mouth.reset();
  char byte = 0;
  EXPECT_EQ(::read(ear.get(), &byte, 1), 0);  // nobody keeps the other end
}

// As many messages with descriptors as the owner of the queue can keep, then an error; then on.
TEST(HubTest, ShortOfDescriptorsItSaysSo) {
  const Queue<UniqueFd> queue;
  const Queue<int> answers;
  const Event short_of_them;
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  Process child(
      [](const Queue<UniqueFd>& out, const Queue<int>& back, const Event& start) {
        start.wait();
        int put = 0;
        try {
          for (;; ++put) out.put(UniqueFd(::dup(1)));
        } catch (const ResourceError&) {
          back.put(put);
        }
      },
      queue, answers, short_of_them);
  child.start();
  const rlimit few{64, usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  short_of_them.set();
  const int put = answers.get();
  EXPECT_GT(put, 0);
  EXPECT_LT(put, 64);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
  child.join();
  for (int i = 0; i < put; ++i) EXPECT_TRUE(queue.get());
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace shoal::shared
