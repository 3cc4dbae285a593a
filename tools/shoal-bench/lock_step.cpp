// SPDX-License-Identifier: Apache-2.0
// The one place here that looks behind shoal's public headers.
#include "lock_step.hpp"

#include <algorithm>
#include <memory>
#include <shoal/shoal.hpp>
#include <stdexcept>

#include "pool/dispatcher.hpp"
#include "pool/function_table.hpp"
#include "pool/mailbox.hpp"
#include "pool/payload.hpp"
#include "pool/pool_observer.hpp"
#include "pool_helpers.hpp"
#include "queues.hpp"
#include "sync/hardware.hpp"

namespace bench {
namespace {

using namespace shoal::pool;
using shoal::sync::Hardware;

void check(bool is_fine, const char* what) {
  if (!is_fine) throw std::runtime_error(what);
}

// Both halves of a mailbox on ordinary memory, doing what Incarnation and Worker do for a task
// whose arguments and result stand in the entry.
class Halves {
 public:
  void hand_over(const Function& function, std::uint64_t ticket, const Payload& arguments) {
    FunctionSlot& slot = submissions_->functions[function.slot.id % kFunctionSlots];
    if (slot.id != function.slot.id) introduce(function, slot);
    const std::span<const std::byte> bytes = arguments.bytes();
    Entry entry{};
    entry.ticket = ticket;
    entry.function = function.slot.id;
    entry.attempt = 1;
    entry.size = bytes.size();
    std::copy(bytes.begin(), bytes.end(), entry.bytes.begin());
    parent_.write(entry);
  }

  void publish() { check(parent_.publish() == Honesty::honest, "an impossible gate"); }

  void work() {
    Entry entry;
    check(worker_.take(entry, 1), "no task to take");
    const FunctionResolver::Resolved& function =
        resolver_.resolve(entry.function, submissions_->functions, submissions_->modules);
    shoal::Reader arguments(std::span(entry.bytes).first(entry.size));
    shoal::Writer result;
    function.invoker(function.target, arguments, result);
    Completion completion;
    completion.ticket = entry.ticket;
    completion.size = result.bytes().size();
    completion.descriptors = 0;
    completion.place = Place::in_entry;
    completion.outcome = Outcome::value;
    std::copy(result.bytes().begin(), result.bytes().end(), completion.bytes.begin());
    worker_.complete(completion);
  }

  Payload collect(std::uint64_t ticket) {
    Completion completion;
    const auto [honesty, has_completion] = parent_.peek(ticket, completion);
    check(honesty == Honesty::honest && has_completion, "no result to collect");
    Payload result(std::span(completion.bytes).first(completion.size));
    parent_.release();
    return result;
  }

  FunctionTable& functions() { return functions_; }

 private:
  void introduce(const Function& function, FunctionSlot& slot) {
    slot = function.slot;
    for (std::uint32_t i = 0; i < functions_.module_count(); ++i) {
      submissions_->modules[i] = functions_.module(i);
    }
  }

  std::unique_ptr<Submissions<Hardware>> submissions_ = std::make_unique<Submissions<Hardware>>();
  std::unique_ptr<Completions<Hardware>> completions_ = std::make_unique<Completions<Hardware>>();
  std::unique_ptr<Gate<Hardware>> gate_ = std::make_unique<Gate<Hardware>>();
  ParentMailbox<Hardware> parent_{*submissions_, *completions_, *gate_};
  WorkerMailbox<Hardware> worker_{*submissions_, *completions_, *gate_};
  FunctionTable functions_;
  FunctionResolver resolver_;
};

void read_nothing(const Payload& result) { shoal::Reader(result.bytes()).finish(); }

// Encode, publish · take, decode, call, complete · collect, decode.
void run_mailbox(std::size_t count) {
  Halves halves;
  for (std::uint64_t ticket = 1; ticket <= count; ++ticket) {
    shoal::Writer arguments;
    const Function& function =
        halves.functions().intern(shoal::internal::encode_call(arguments, no_op));
    halves.hand_over(function, ticket, Payload(std::move(arguments)));
    halves.publish();
    halves.work();
    read_nothing(halves.collect(ticket));
  }
}

// A pool of one worker, which is always there.
class LockStepPort : public DispatchPort {
 public:
  explicit LockStepPort(Halves& halves) : halves_(halves) {}
  Delivery deliver(WorkerIndex, Task& task) override {
    halves_.hand_over(*task.function, task.ticket, task.payload);
    return Delivery::done;
  }
  bool publish(WorkerIndex) override {
    halves_.publish();
    return true;
  }
  bool take_back(WorkerIndex) override { return false; }
  void end_run(WorkerIndex, const Task&) override {}
  void start_worker(WorkerIndex, shoal::Duration) override {}
  void dismiss(WorkerIndex) override {}
  void announce(Task&) override {}
  void set_stall_timer(shoal::Duration) override {}
  TimePoint now() override { return {}; }
  void set_watch(WorkerIndex, TimePoint) override {}
  void set_alarm(TimePoint) override {}
  std::optional<TimePoint> begun(WorkerIndex, const Task&) override { return std::nullopt; }
  bool ask_to_stop(WorkerIndex, const Task&) override { return false; }
  void kill(WorkerIndex) override {}
  void ask_user(const TaskRef&) override {}
  void announce_room() override {}

 private:
  Halves& halves_;
};

// The same with a task of its own, through the dispatcher: all that a pool does but locks, waits
// and wake-ups.
void run_dispatcher(std::size_t count) {
  Halves halves;
  LockStepPort port(halves);
  Dispatcher dispatcher(port, 1);
  dispatcher.expect_start(0);
  dispatcher.on_started(0);
  dispatcher.on_ready(0);
  PoolObserver observer(1);
  for (std::size_t i = 0; i < count; ++i) {
    shoal::Writer arguments;
    const Function& function =
        halves.functions().intern(shoal::internal::encode_call(arguments, no_op));
    const auto task = std::make_shared<Task>(function, Payload(std::move(arguments)));
    observer.on_submit(*task);
    dispatcher.on_submit(task);
    observer.set_queue(dispatcher.queued(), dispatcher.running());
    halves.work();
    Completed completed{.result = halves.collect(task->ticket), .nanoseconds = 100};
    completed.started = 1;
    completed.ended = 101;
    observer.on_result(0, *task, completed);
    dispatcher.on_completed(0, std::move(completed));
    dispatcher.on_collected();
    check(task->status() == Task::Status::finished, "a task is not finished");
    read_nothing(task->payload);
  }
}

// Encode, claim, put, announce · get, copy, free, decode.
void run_queue(std::size_t count) {
  const shoal::Queue<Message> queue(kQueueBound);
  Message message{};
  for (std::size_t i = 1; i <= count; ++i) {
    message.front() = i;
    queue.put(message);
    expect_number(queue.get(), i);
  }
}

}  // namespace

std::vector<std::string> lock_step_paths() { return {"mailbox", "dispatcher", "queue"}; }

void run_lock_step(const std::string& path, std::size_t count) {
  if (path == "mailbox") return run_mailbox(count);
  if (path == "dispatcher") return run_dispatcher(count);
  if (path == "queue") return run_queue(count);
  throw std::runtime_error("no path is called " + path);
}

}  // namespace bench
