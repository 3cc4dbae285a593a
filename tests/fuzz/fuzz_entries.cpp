// SPDX-License-Identifier: Apache-2.0
// Tasks of every size on their way to a worker: handed over, taken back, taken, answered, in any
// order. The worker reads the arguments of each as they were written, each once, in their order.
// It believes its parent, so that nothing here is hostile: the entries are the parent's own.
#include <algorithm>
#include <deque>

#include "fuzz/dice.hpp"
#include "fuzz/mailbox_ends.hpp"
#include "pool/argument_reader.hpp"

namespace shoal::fuzz {
namespace {

using namespace shoal::pool;

class Conversation {
 public:
  explicit Conversation(Dice& dice) : dice_(dice) {}

  void run() {
    while (!dice_.is_empty()) act();
  }

 private:
  // Every place that arguments may have, and both sides of the bounds between.
  std::size_t pick_size() {
    constexpr std::size_t kSizes[] = {0, kEntryInlineBytes, 1000, 16 << 10, 28 << 10, 100'000};
    return kSizes[dice_.pick(std::size(kSizes))] + dice_.pick(4);
  }

  void act() {
    switch (dice_.pick(5)) {
      case 0:
      case 1:
        return deliver();
      case 2:
        if (ends_.incarnation.has_tasks() && ends_.incarnation.take_back()) delivered_.pop_back();
        return check_honest();
      case 3:
        return perform();
      default:
        ends_.incarnation.drop_segments(ends_.arguments_memory.arena());
        return reader_.drop_stale();
    }
  }

  void deliver() {
    const std::size_t items = dice_.pick(4) == 0 ? 1 + dice_.pick(8) : 0;
    const TaskRef task = ends_.make_task(pick_size(), items);
    const Delivery delivery = ends_.incarnation.deliver(*task, ends_.functions);
    require(delivery == Delivery::done || delivery == Delivery::full, "a task finds its place");
    require(delivery == Delivery::done || ends_.incarnation.has_tasks(), "an idle worker has room");
    if (delivery != Delivery::done) return;
    delivered_.push_back(task);
    require(ends_.incarnation.publish(), "a worker that takes is honest");
  }

  void perform() {
    Entry entry;
    if (!ends_.mailbox.take(entry, 1)) return require(delivered_.empty(), "what is there is taken");
    const Task& task = *delivered_.front();
    require(entry.ticket == task.ticket, "tasks come in their order");
    require(ends_.incarnation.taken() == task.ticket, "the parent sees which one began");
    {
      const ArgumentReader::Arguments read = reader_.open(entry);
      require(std::ranges::equal(read.bytes, task.arguments().bytes), "arguments are unchanged");
    }
    Completion completion{};
    completion.ticket = entry.ticket;
    completion.items = entry.items;
    completion.size = dice_.pick(kCompletionInlineBytes + 1);
    ends_.mailbox.complete(completion);
    const Incarnation::Harvest harvest = ends_.incarnation.collect(task);
    check_honest();
    require(harvest.kind == Incarnation::Harvest::Kind::result, "a result is taken in");
    require(harvest.completed.result.bytes().size() == completion.size, "as it was written");
    delivered_.pop_front();
  }

  void check_honest() { require(ends_.incarnation.violation().empty(), "nobody has lied"); }

  Dice& dice_;
  MailboxEnds ends_;
  ArgumentReader reader_{ends_.attached.submissions(), ends_.mailbox, ends_.worker_socket.get()};
  std::deque<TaskRef> delivered_;
};

}  // namespace
}  // namespace shoal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  shoal::fuzz::Dice dice(data, size);
  shoal::fuzz::Conversation(dice).run();
  return 0;
}
