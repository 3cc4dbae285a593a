// SPDX-License-Identifier: Apache-2.0
// A process is killed after every single machine instruction of what it does in shared memory, and
// whoever survives looks at what it left, with the product's own code: it finds the state from
// before, or the one after, whole; in between there is one instruction that changes one into the
// other.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <memory>
#include <new>
#include <string>
#include <vector>

#include "metrics/log_reader.hpp"
#include "metrics/log_writer.hpp"
#include "pool/mailbox.hpp"
#include "step/step_test.hpp"
#include "sync/hardware.hpp"

namespace shoal::pool {
namespace {

using metrics::BlackBox;
using metrics::LogReader;
using metrics::LogWriter;
using sync::Hardware;

std::byte pattern(std::uint64_t ticket, std::size_t i) {
  return static_cast<std::byte>(ticket * 31 + i);
}

template <class Message, std::size_t N>
Message filled(std::uint64_t ticket, std::array<std::byte, N> Message::*bytes) {
  Message message{};
  message.ticket = ticket;
  message.size = N;
  for (std::size_t i = 0; i < N; ++i) (message.*bytes)[i] = pattern(ticket, i);
  return message;
}
Entry entry(std::uint64_t ticket) { return filled(ticket, &Entry::bytes); }
Completion completion(std::uint64_t ticket) { return filled(ticket, &Completion::bytes); }

template <class Bytes>
bool is_whole(std::uint64_t ticket, const Bytes& bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != pattern(ticket, i)) return false;
  }
  return true;
}

// Made beforehand: what the child executes is what the product does.
constexpr std::uint64_t kTasks = 3;
const std::array kEntries{entry(0), entry(1), entry(2), entry(3)};
const Completion kFirstResult = completion(1);
const std::string kRecord(100, 'b');

// The memory of one incarnation.
struct Shared {
  Submissions<Hardware> submissions;
  Completions<Hardware> completions;
  Gate<Hardware> gate;
  BlackBox<Hardware> box;
};

// Both halves of one incarnation. A child has a copy of both, uses one of them, and dies; the other
// half goes on here.
struct Scene {
  Scene()
      : shared(new (::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)) Shared()) {}
  ~Scene() { ::munmap(shared, sizeof(Shared)); }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  void publish(std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t ticket = first; ticket <= last; ++ticket) parent.write(kEntries[ticket]);
    honesty = parent.publish();
  }
  void take(std::uint64_t ticket) {
    Entry taken;
    EXPECT_TRUE(worker.take(taken, 1));
    EXPECT_EQ(taken.ticket, ticket);
    EXPECT_TRUE(is_whole(ticket, taken.bytes)) << ticket;
  }
  void collect(std::uint64_t ticket) {
    Completion copy;
    EXPECT_TRUE(parent.peek(ticket, copy).has_completion);
    parent.release();
  }
  // The tickets from `first` on that the worker can still take, all of them whole.
  std::string takeable(std::uint64_t first) {
    std::string tickets;
    for (Entry taken; worker.take(taken, 1); ++first) {
      EXPECT_EQ(taken.ticket, first);
      EXPECT_TRUE(is_whole(first, taken.bytes)) << first;
      tickets += std::to_string(taken.ticket);
    }
    return tickets.empty() ? "none" : tickets;
  }

  Shared* const shared;
  ParentMailbox<Hardware> parent{shared->submissions, shared->completions, shared->gate};
  WorkerMailbox<Hardware> worker{shared->submissions, shared->completions, shared->gate};
  LogWriter<Hardware> log{shared->box};
  LogReader<Hardware> log_reader{shared->box};
  Honesty honesty = Honesty::honest;
};

// The worker is dead, and all its tasks were published: what the engine does then. Says of each
// whether it is done (d), lost (l) or untouched (u), and has a new incarnation run what is
// untouched.
std::string settle(Scene& scene) {
  std::string states;
  std::uint64_t ticket = 1;
  for (Completion copy; ticket <= kTasks; ++ticket, states += 'd') {
    const auto [honesty, has_completion] = scene.parent.peek(ticket, copy);
    EXPECT_EQ(honesty, Honesty::honest);
    if (!has_completion) break;
    EXPECT_EQ(copy.size, kCompletionInlineBytes);
    EXPECT_TRUE(is_whole(ticket, copy.bytes)) << ticket;
    scene.parent.release();
  }
  if (ticket <= kTasks && scene.parent.taken() >= ticket) {
    EXPECT_EQ(scene.parent.taken(), ticket);
    ++ticket;
    states += 'l';
  }
  const auto [honesty, count] = scene.parent.revoke_untaken();
  EXPECT_EQ(honesty, Honesty::honest);
  EXPECT_LE(count, kTasks + 1 - ticket);
  EXPECT_GE(count + 1, kTasks + 1 - ticket);  // one may be taken and not begun

  Scene next;
  for (; ticket <= kTasks; ++ticket, states += 'u') {
    next.publish(ticket, ticket);
    next.take(ticket);
    next.worker.complete(completion(ticket));
    next.collect(ticket);
  }
  return states;
}

void skip(Scene&) {}

using Operation = test::Operation<Scene>;

std::vector<Operation> operations() {
  const auto publish_all = [](Scene& scene) { scene.publish(1, kTasks); };
  return {
      // the worker dies
      {"take",
       publish_all,
       [](Scene& scene) {
         Entry taken;
         scene.worker.take(taken, 1);
       },
       settle,
       {"uuu", "luu"}},
      {"take_of_the_next",
       [=](Scene& scene) {
         publish_all(scene);
         scene.take(1);
         scene.worker.complete(completion(1));
       },
       [](Scene& scene) {
         Entry taken;
         scene.worker.take(taken, 1);
       },
       settle,
       {"duu", "dlu"}},
      {"complete",
       [=](Scene& scene) {
         publish_all(scene);
         scene.take(1);
       },
       [](Scene& scene) { scene.worker.complete(kFirstResult); },
       settle,
       {"luu", "duu"}},
      {"a_whole_task",
       publish_all,
       [](Scene& scene) {
         Entry taken;
         scene.worker.take(taken, 1);
         scene.worker.complete(kFirstResult);
       },
       settle,
       {"uuu", "luu", "duu"}},
      {"sleep_with_work_there",
       publish_all,
       [](Scene& scene) { scene.worker.sleep(); },
       settle,
       {"uuu"}},
      {"log",
       [](Scene& scene) { scene.log.write(LogLevel::info, 1, std::string(100, 'a')); },
       [](Scene& scene) { scene.log.write(LogLevel::info, 2, kRecord); },
       [](Scene& scene) {
         std::string state;
         for (const auto& record : scene.log_reader.read().records) {
           EXPECT_EQ(record.text, std::string(100, record.text[0]));
           state += record.text[0];
         }
         EXPECT_FALSE(scene.log_reader.is_damaged());
         return state;
       },
       {"a", "ab"}},
      {"log_over_the_oldest",
       [](Scene& scene) {
         // Eight records fill the ring to its last bytes.
         for (char c = 'a'; c < 'i'; ++c) {
           scene.log.write(LogLevel::info, c, std::string(metrics::kLogBytes / 8 - 24, c));
         }
       },
       [](Scene& scene) { scene.log.write(LogLevel::info, 1, kRecord); },
       [](Scene& scene) {
         std::string state;
         for (const auto& record : scene.log_reader.read().records) {
           EXPECT_EQ(record.text, std::string(record.text.size(), record.text[0]));
           state += record.text[0];
         }
         EXPECT_FALSE(scene.log_reader.is_damaged());
         return state;
       },
       {"abcdefgh", "bcdefgh", "bcdefghb"}},
      // the parent dies
      {"publish",
       skip,
       publish_all,
       [](Scene& scene) { return scene.takeable(1); },
       {"none", "123"}},
      {"publish_behind_others",
       [](Scene& scene) { scene.publish(1, 1); },
       [](Scene& scene) { scene.publish(2, 3); },
       [](Scene& scene) { return scene.takeable(1); },
       {"1", "123"}},
      {"revoke",
       [=](Scene& scene) {
         publish_all(scene);
         scene.take(1);
       },
       [](Scene& scene) { scene.parent.revoke_youngest(); },
       [](Scene& scene) { return scene.takeable(2); },
       {"23", "2"}},
      {"close_the_gate",
       [=](Scene& scene) {
         publish_all(scene);
         scene.take(1);
       },
       [](Scene& scene) { scene.parent.revoke_untaken(); },
       [](Scene& scene) { return scene.takeable(2); },
       {"23", "none"}},
      {"collect",
       [=](Scene& scene) {
         publish_all(scene);
         scene.take(1);
         scene.worker.complete(completion(1));
       },
       [](Scene& scene) {
         Completion copy;
         scene.parent.peek(1, copy);
         scene.parent.release();
       },
       [](Scene& scene) {
         const std::string state = "collected " + std::to_string(scene.worker.reclaimed());
         EXPECT_EQ(scene.takeable(2), "23");
         return state;
       },
       {"collected 0", "collected 1"}},
      {"ring",
       [](Scene& scene) { scene.shared->completions.sleeping.store(1); },
       [](Scene& scene) { scene.parent.needs_wake(); },
       [](Scene& scene) { return std::to_string(scene.parent.bell().load()); },
       {"0", "1"}},
      {"dismiss",
       skip,
       [](Scene& scene) { scene.parent.command(Command::exit); },
       [](Scene& scene) { return scene.worker.command() == Command::exit ? "exit" : "run"; },
       {"run", "exit"}},
  };
}

class MailboxStepTest : public test::StepTest<Scene> {};

TEST_P(MailboxStepTest, LeavesOneOfItsStatesWhateverTheInstruction) { check(); }

INSTANTIATE_TEST_SUITE_P(, MailboxStepTest, testing::ValuesIn(operations()),
                         [](const auto& operation) { return operation.param.name; });

}  // namespace
}  // namespace shoal::pool
