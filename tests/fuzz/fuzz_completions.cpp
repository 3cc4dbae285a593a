// SPDX-License-Identifier: Apache-2.0
// A worker that writes what it likes into its memory, the gate and its socket, while its parent
// hands out tasks, takes results in and rescues what is left. The parent takes a result, or names
// the violation; it does not read beyond what it has mapped, and keeps no descriptor.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

#include "fuzz/dice.hpp"
#include "fuzz/mailbox_ends.hpp"
#include "os/memfd.hpp"
#include "pool/parcel.hpp"
#include "shoal/item_run.hpp"

namespace shoal::fuzz {
namespace {

using namespace shoal::pool;

class HostileWorker {
 public:
  explicit HostileWorker(Dice& dice) : dice_(dice) {}

  void run() {
    for (int steps = 0; steps < 64 && !dice_.is_empty(); ++steps) {
      if (!ends_.incarnation.violation().empty()) return;
      act();
    }
  }
  // As after the worker's death.
  void rescue() {
    if (delivered_.empty()) return;
    WorkerEnd end;
    ends_.incarnation.rescue(*delivered_.front(), end);
    look_at(end.values);
    if (end.items && delivered_.front()->part != nullptr) {
      require(*end.items <= delivered_.front()->part->count, "no more was done than there was");
    }
  }

 private:
  void act() {
    switch (dice_.pick(10)) {
      case 0:
        return deliver();
      case 1:
        return take_back();
      case 2:
        return complete(true);
      case 3:
        return complete(false);
      case 4:
        return write_word();
      case 5:
        return send();
      case 6:
        return look_at_words();
      case 7: {
        std::string complaint;
        ends_.incarnation.read_hello(complaint);
        require(complaint.size() <= kLongestComplaint, "a complaint is no longer than that");
        return;
      }
      default:
        return collect();
    }
  }

  void deliver() {
    const std::size_t items = dice_.pick(4) == 0 ? 1 + dice_.pick(8) : 0;
    const TaskRef task = ends_.make_task(dice_.pick(200), items);
    if (ends_.incarnation.deliver(*task, ends_.functions) != Delivery::done) return;
    delivered_.push_back(task);
    static_cast<void>(ends_.incarnation.publish());
  }

  void take_back() {
    if (!ends_.incarnation.has_tasks()) return;
    if (ends_.incarnation.take_back()) delivered_.pop_back();
  }

  // A completion in which some fields are right, so that the others are looked at.
  void complete(bool is_plausible) {
    Completion forged{};
    const auto raw = dice_.take_bytes(sizeof forged - (is_plausible ? sizeof forged.bytes : 0));
    std::memcpy(static_cast<void*>(&forged), raw.data(), raw.size());
    if (is_plausible) {
      forged.ticket = delivered_.empty() ? 0 : delivered_.front()->ticket;
      forged.place = static_cast<Place>(static_cast<unsigned>(forged.place) % 6);
      forged.outcome = static_cast<Outcome>(static_cast<unsigned>(forged.outcome) % 2);
      forged.segment %= kSegmentSlots + 1;
      forged.ended = std::max(forged.ended, forged.started);
      if (dice_.pick(2) == 0) forged.items = forged.error_bytes = 0;
      if (dice_.pick(2) == 0) forged.descriptors = 0;
      if (dice_.pick(2) == 0) forged.size %= 512;
      if (dice_.pick(2) == 0) forged.offset %= 512;
    }
    Entry entry;
    if (is_plausible) ends_.mailbox.take(entry, 0);
    ends_.mailbox.complete(forged);
  }

  void write_word() {
    SharedCompletions& words = ends_.attached.completions();
    const std::size_t which = dice_.pick(12);
    const std::uint64_t value = dice_.pick(2) == 0 ? dice_.pick(8) : dice_.take<std::uint64_t>();
    switch (which) {
      case 0:
        return words.cq_tail.store(value);
      case 1:
        return words.taken.store(value);
      case 2:
        return words.started.store(static_cast<std::int64_t>(value));
      case 3:
        return words.run_ticket.store(value);
      case 4:
        return words.run_offset.store(value);
      case 5:
        return words.progress.store(value);
      case 6:
        return words.sleeping.store(static_cast<std::uint32_t>(value));
      case 7:
        return words.resident.store(value);
      case 8:
        return words.polls.store(value);
      case 9:
        return words.report_ticket.store(value);
      case 10:
        return words.report.store(value);
      default:
        return ends_.attached.gate().word.store(value);
    }
  }

  void send() {
    ParcelLabel label = dice_.take<ParcelLabel>();
    const std::size_t kind = dice_.pick(4);
    if (kind == 1 && !delivered_.empty()) label.ticket = delivered_.front()->ticket;
    if (kind == 2) label.ticket = kSegmentTicket;
    if (kind == 2 && !delivered_.empty()) label.segment = delivered_.front()->ticket;
    if (kind == 3) label.ticket = kHelloTicket - 2 * dice_.pick(2);
    std::vector<os::Fd> fds;
    for (std::size_t count = dice_.pick(4); count > 0; --count) fds.push_back(make_file());
    if (dice_.pick(2) == 0 && !fds.empty()) label.bytes = value_of(os::file_size(fds[0].get()));
    std::vector<int> numbers;
    for (const os::Fd& fd : fds) numbers.push_back(fd.get());
    static_cast<void>(send_parcel(ends_.worker_socket.get(), label, numbers, os::Wait::no));
  }

  os::Fd make_file() {
    const std::size_t size = dice_.pick(2) == 0 ? dice_.pick(200) : 4096 * dice_.pick(100);
    os::Fd file = value_of(os::create_shared_file("fuzz", size));
    if (const std::size_t seal = dice_.pick(4); seal > 0) {
      static_cast<void>(os::seal(file.get(), static_cast<os::Writers>(seal - 1)));
    }
    return file;
  }

  void look_at_words() {
    static_cast<void>(ends_.incarnation.needs_wake());
    static_cast<void>(ends_.incarnation.has_news());
    if (delivered_.empty()) return;
    const Task& first = *delivered_.front();
    static_cast<void>(ends_.incarnation.begun(first));
    static_cast<void>(ends_.incarnation.ask_to_stop(first));
    if (const auto report = ends_.incarnation.report(first)) {
      require(std::isfinite(*report), "a report is a number");
    }
  }

  void collect() {
    if (delivered_.empty()) return;
    const Task& task = *delivered_.front();
    const Incarnation::Harvest harvest = ends_.incarnation.collect(task);
    if (harvest.kind == Incarnation::Harvest::Kind::nothing) return;
    const Completed& completed = harvest.completed;
    require(completed.ended >= completed.started, "no task ends before it began");
    if (harvest.kind == Incarnation::Harvest::Kind::result) {
      look_at(completed.result);
      if (task.part != nullptr) {
        require(completed.items <= task.part->count, "no more elements than were handed over");
        require(completed.error_bytes <= completed.result.bytes().size(), "the error is in there");
      }
    }
    delivered_.pop_front();
  }

  // Every byte can be read.
  static void look_at(const Payload& payload) {
    volatile std::byte last{};
    for (const std::byte byte : payload.bytes()) last = byte;
    static_cast<void>(last);
  }

  Dice& dice_;
  MailboxEnds ends_;
  std::deque<TaskRef> delivered_;
};

int next_descriptor() {
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::close(fd);
  return fd;
}

}  // namespace
}  // namespace shoal::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace shoal::fuzz;
  const int before = next_descriptor();
  Dice dice(data, size);
  {
    HostileWorker worker(dice);
    worker.run();
    worker.rescue();
  }
  require(next_descriptor() == before, "no descriptor stays behind");
  return 0;
}
