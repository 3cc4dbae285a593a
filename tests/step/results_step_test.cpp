// SPDX-License-Identifier: Apache-2.0
// Killed after every single instruction: a worker that runs the elements of a map or hands over a
// large result, and a parent that gives a result's block back or hands over large arguments.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fuzz/mailbox_ends.hpp"
#include "pool/argument_reader.hpp"
#include "pool/reply_sender.hpp"
#include "shoal/item_run.hpp"
#include "step/step_test.hpp"

namespace shoal::pool {
namespace {

constexpr std::size_t kLarge = 20'000;

// Maps of the product are not inherited over a fork; those of this test's children are.
void let_children_inherit() {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find("memfd:") == std::string::npos) continue;
    std::size_t end = 0;
    const std::size_t first = std::stoull(line, &end, 16);
    const std::size_t last = std::stoull(line.substr(end + 1), nullptr, 16);
    ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DOFORK);
  }
}

bool is_all(std::span<const std::byte> bytes, char letter) {
  return std::ranges::all_of(bytes, [&](std::byte byte) { return byte == std::byte(letter); });
}

struct Scene : fuzz::MailboxEnds {
  // Hands a task to the worker, and has the worker take it.
  TaskRef begin(std::size_t items = 0) {
    task = make_task(4, items);
    hand_over();
    EXPECT_TRUE(mailbox.take(entry, 1));
    return task;
  }
  void hand_over() {
    EXPECT_EQ(incarnation.deliver(*task, functions), Delivery::done);
    EXPECT_TRUE(incarnation.publish());
  }

  // A part of a map, whose elements give four bytes each.
  void begin_part() {
    begin(4);
    room = replies.begin_run(task->ticket, reply);
    run.emplace(
        4U, task->ticket, room,
        internal::ItemRun::Words{words.progress, words.started, attached.submissions().end_run});
    run->next(reply);
  }
  void run_element(char letter) { reply.write(std::string(4, letter).data(), 4); }
  void end_part() {
    completion.items = run->done().items;
    complete();
  }
  // Elements that are not lost with the worker, and their values.
  std::string rescued() {
    WorkerEnd end;
    incarnation.rescue(*task, end);
    if (!end.items) return "nobody knows";
    const auto bytes = end.values.bytes();
    return std::to_string(*end.items) + "_" +
           std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  void write_large(char letter) {
    reply = replies.begin();
    const std::string text(kLarge, letter);
    reply.write(text.data(), text.size());
  }
  void complete() {
    completion.ticket = task->ticket;
    replies.place(reply, completion);
    mailbox.complete(completion);
  }
  // What the parent has of the task when its worker is dead.
  std::string collected(char letter) {
    harvest = incarnation.collect(*task);
    EXPECT_EQ(incarnation.violation(), "");
    if (harvest.kind == Incarnation::Harvest::Kind::nothing) return "lost";
    EXPECT_EQ(harvest.kind, Incarnation::Harvest::Kind::result);
    const Payload& result = harvest.completed.result;
    EXPECT_GE(result.bytes().size(), kLarge);  // a descriptor's number follows
    EXPECT_TRUE(is_all(result.bytes().first(kLarge), letter));
    return "done" + std::to_string(result.descriptors().size());
  }

  // The next task that the worker can take, with arguments as large.
  std::string taken() {
    if (!mailbox.take(entry, 1)) return "none";
    EXPECT_EQ(entry.ticket, task->ticket);
    const ArgumentReader::Arguments opened = arguments.open(entry);
    EXPECT_EQ(opened.bytes.size(), kLarge);
    EXPECT_TRUE(is_all(opened.bytes, static_cast<char>('a' + (task->ticket - 1) % 26)));
    return "whole";
  }

  TaskRef task;
  Entry entry{};
  SharedCompletions& words = attached.completions();
  ReplySender replies{attached.submissions(), words, mailbox, worker_socket.get()};
  ArgumentReader arguments{attached.submissions(), mailbox, worker_socket.get()};
  WorkerFiles other_files;
  WorkerMemory other = fuzz::value_of(WorkerMemory::create(1, other_files));
  ReplyBlocks blocks{other.submissions()};
  Writer reply;
  std::size_t room = 0;
  std::optional<internal::ItemRun> run;
  Completion completion{};
  Incarnation::Harvest harvest;
  std::uint16_t number = 0;
};

using Operation = test::Operation<Scene>;

Operation with_maps(Operation operation) {
  operation.prepare = [prepare = operation.prepare](Scene& scene) {
    prepare(scene);
    let_children_inherit();
  };
  return operation;
}

std::vector<Operation> operations() {
  const auto finish_large = [](Scene& scene) {
    scene.begin();
    scene.write_large('a');
    scene.complete();
    EXPECT_EQ(scene.collected('a'), "done0");
    scene.completion = {};
  };
  std::vector<Operation> all{
      // the worker dies
      {"announce_an_element",
       [](Scene& scene) {
         scene.begin_part();
         scene.run_element('a');
       },
       [](Scene& scene) { scene.run->next(scene.reply); },
       [](Scene& scene) { return scene.rescued(); },
       {"0_", "1_aaaa"}},
      {"run_and_announce_the_next",
       [](Scene& scene) {
         scene.begin_part();
         scene.run_element('a');
         scene.run->next(scene.reply);
       },
       [](Scene& scene) {
         scene.run_element('b');
         scene.run->next(scene.reply);
       },
       [](Scene& scene) { return scene.rescued(); },
       {"1_aaaa", "2_aaaabbbb"}},
      {"begin_another_part",
       [](Scene& scene) {
         scene.begin_part();
         scene.run_element('a');
         scene.run->next(scene.reply);
         scene.end_part();
         scene.harvest = scene.incarnation.collect(*scene.task);
         EXPECT_EQ(scene.harvest.completed.items, 1U);
         scene.begin(4);
       },
       [](Scene& scene) { scene.replies.begin_run(scene.task->ticket, scene.reply); },
       [](Scene& scene) { return scene.rescued(); },
       {"0_"}},
      {"hand_over_a_segment",
       [](Scene& scene) {
         scene.begin();
         scene.write_large('a');
       },
       [](Scene& scene) { scene.complete(); },
       [](Scene& scene) { return scene.collected('a'); },
       {"lost", "done0"}},
      {"a_block_of_a_segment_that_is_known",
       [=](Scene& scene) {
         finish_large(scene);
         scene.begin();
         scene.write_large('b');
       },
       [](Scene& scene) { scene.complete(); },
       [](Scene& scene) { return scene.collected('b'); },
       {"lost", "done0"}},
      {"a_parcel_of_descriptors",
       [](Scene& scene) {
         scene.begin();
         scene.write_large('a');
         scene.reply.put_fd(std::make_shared<const UniqueFd>(::dup(0)));
       },
       [](Scene& scene) { scene.complete(); },
       [](Scene& scene) { return scene.collected('a'); },
       {"lost", "done1"}},
      // the parent dies
      {"give_a_block_back",
       [](Scene& scene) {
         scene.number = scene.blocks.keep(scene.blocks.memory().allocate(kLarge));
       },
       [](Scene& scene) {
         // A fork's copy of another one would have no part in it.
         ReplyLeases(scene.other.submissions()).release(scene.number);
       },
       [](Scene& scene) {
         EXPECT_TRUE(scene.blocks.has_room());
         const std::uint16_t next = scene.blocks.keep(nullptr);
         return std::string(next == scene.number ? "free" : "kept");
       },
       {"kept", "free"}},
      {"hand_over_arguments_in_a_segment",
       [](Scene& scene) { scene.task = scene.make_task(kLarge, 0); },
       [](Scene& scene) { scene.hand_over(); },
       [](Scene& scene) { return scene.taken(); },
       {"none", "whole"}},
  };
  std::ranges::transform(all, all.begin(), with_maps);
  return all;
}

class ResultsStepTest : public test::StepTest<Scene> {};

TEST_P(ResultsStepTest, LeavesOneOfItsStatesWhateverTheInstruction) { check(); }

INSTANTIATE_TEST_SUITE_P(, ResultsStepTest, testing::ValuesIn(operations()),
                         [](const auto& operation) { return operation.param.name; });

}  // namespace
}  // namespace shoal::pool
