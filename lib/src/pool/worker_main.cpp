// SPDX-License-Identifier: Apache-2.0
#include "pool/worker_main.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>
#include <optional>
#include <utility>

#include "base/log.hpp"
#include "os/after_fork.hpp"
#include "os/child.hpp"
#include "os/event.hpp"
#include "os/fork_generation.hpp"
#include "os/memory.hpp"
#include "os/thread.hpp"
#include "pool/argument_reader.hpp"
#include "pool/function_table.hpp"
#include "pool/initializer.hpp"
#include "pool/mailbox.hpp"
#include "pool/parcel.hpp"
#include "pool/reply_sender.hpp"
#include "pool/task_context.hpp"
#include "pool/worker_limits.hpp"
#include "pool/worker_log.hpp"
#include "pool/worker_memory.hpp"
#include "serial/exception_codec.hpp"
#include "shoal/codec.hpp"
#include "shoal/error.hpp"
#include "shoal/item_run.hpp"
#include "shoal/reader.hpp"
#include "shoal/writer.hpp"
#include "sync/spin_history.hpp"

namespace shoal::pool {
namespace {

// A result whose collector is asleep and not in a hurry is rung for after this time of idleness;
// a caller that submits one task after the other has fetched it by then.
constexpr std::int64_t kRingDelayNanoseconds = 5'000;
// After a task as long as this the delay would not be worth it: what comes next may wait for us.
constexpr std::int64_t kLongNanoseconds = 20'000;

// How long a worker without tasks keeps the memory that the last ones have freed.
constexpr Duration kMemoryGrace = std::chrono::seconds(1);

std::int64_t now_nanoseconds() noexcept {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

// What the children and tasks of this worker have written must not wait in its memory while it
// sleeps: it may be killed there.
void flush_output() noexcept {
  std::fflush(stdout);
  std::cout.flush();
}

class Worker {
 public:
  Worker(process::ChildContext& context, AttachedMemory memory, unsigned index,
         std::int64_t spin_nanoseconds, os::Fd memory_use)
      : context_(context),
        memory_(std::move(memory)),
        mailbox_(memory_.submissions(), memory_.completions(), memory_.gate()),
        index_(index),
        spin_nanoseconds_(spin_nanoseconds),
        memory_use_(std::move(memory_use)),
        leader_bell_(keep_high(WorkerDescriptor::leader)),
        service_bell_(keep_high(WorkerDescriptor::service)),
        control_(keep_high(context.control.get())) {}

  // Runs what the user wants run before the first task, then bounds the worker and shuts it in.
  // False if that has thrown, which the parent is told.
  bool initialize(Reader& payload, const process::Confinement& confinement) {
    TaskContext::set_current(&task_);
    try {
      run_initializer(payload);
      leave_if_forked();
    } catch (const std::exception& error) {
      leave_if_forked();
      return complain("the initializer has thrown: ", error.what());
    } catch (...) {
      leave_if_forked();
      if (std::current_exception() == nullptr) throw;  // no C++ exception: let it unwind
      return complain("the initializer has thrown ", "what is no std::exception");
    }
    try {
      cpu_timer_ = make_cpu_timer(confinement.limits);
      confine_worker(confinement);
    } catch (const std::exception& error) {
      return complain("", error.what());
    }
    return true;
  }

  int run() {
    const os::Result<void> hello =
        send_parcel(control_.get(), {kHelloTicket, 0, 0}, {}, os::Wait::yes);
    if (!hello) return 1;  // the parent is gone
    now_ = now_nanoseconds();
    for (Entry entry;;) {
      if (mailbox_.take(entry, now_)) {
        perform(entry);
      } else if (mailbox_.command() == Command::exit) {
        ring_collector();
        return 0;
      } else {
        wait_for_work();
      }
    }
  }

 private:
  os::Fd keep_high(WorkerDescriptor which) const {
    return keep_high(context_.descriptors[static_cast<unsigned>(which)]->get());
  }
  static os::Fd keep_high(int fd) {
    os::Result<os::Fd> copy = os::duplicate_high(fd);
    if (!copy) throw ResourceError("a worker needs " + copy.error().to_string());
    return std::move(*copy);
  }

  bool complain(const char* which, std::string_view what) {
    const std::string all = which + std::string(what.substr(0, kLongestComplaint - 100));
    sync::Hardware::write(memory_.completions().replies.data(), all.data(), all.size());
    ParcelLabel label{.ticket = kBrokenTicket};
    label.bytes = all.size();
    static_cast<void>(send_parcel(control_.get(), label, {}, os::Wait::yes));
    return false;
  }

  void wait_for_work() {
    arguments_.drop_stale();
    replies_.reclaim();
    if (poll()) return;
    // Whoever submitted may have been interrupted by our waking up, and is about to collect.
    if (is_ring_due_) os::yield();
    ring_collector();
    flush_output();
    // The kernel forgets to end with its parent a process that has changed its user: told anew.
    if (!os::end_with_parent(parent_)) os::after_fork::exit_now(1);
    mailbox_.sleep(has_memory_ ? base::Deadline::in(kMemoryGrace) : base::Deadline::never());
    const std::int64_t before = std::exchange(now_, now_nanoseconds());
    spin_history_.slept(Duration(now_ - before));
    if (!has_memory_ || now_ - worked_at_ < kMemoryGrace.count() || mailbox_.has_work()) return;
    os::return_freed_memory();
    has_memory_ = false;
  }

  // Looks for work without sleeping, for as long as this worker may; true if there is some.
  bool poll() {
    // Looking at the clock takes as long as some looks at the gate.
    constexpr int kLooksPerClock = 8;
    if (spin_nanoseconds_ == 0 || !mailbox_.may_spin() || !spin_history_.should_spin())
      return false;
    const std::int64_t begin = now_;
    bool has_found = false;
    while (mailbox_.may_spin() && now_ - begin < spin_nanoseconds_) {
      for (int looks = 0; looks < kLooksPerClock && !has_found; ++looks) {
        has_found = mailbox_.has_work();
        if (!has_found) sync::Hardware::relax();
      }
      now_ = now_nanoseconds();
      if (has_found) break;
      if (is_ring_due_ && now_ - begin > kRingDelayNanoseconds) ring_collector();
    }
    mailbox_.count_spin();
    spin_history_.spun(has_found);
    return has_found;
  }

  void perform(const Entry& entry) {
    Writer reply = replies_.begin();
    task_.begin(entry);
    Completion completion;
    completion.ticket = entry.ticket;
    completion.items = completion.error_bytes = 0;
    // Stopped before the next task can be taken, which is not to be ended for this one's time.
    if (cpu_timer_) cpu_timer_->start();
    completion.outcome =
        entry.items == 0 ? call(entry, reply) : call_items(entry, reply, completion);
    if (cpu_timer_) cpu_timer_->stop();
    task_.end();
    const std::int64_t begin = std::exchange(now_, now_nanoseconds());
    completion.started = begin;
    completion.ended = now_;
    if (!replies_.place(reply, completion)) {
      // The elements of a part that were announced are found in the ring.
      if (entry.items > 0) os::after_fork::exit_now(1);
      reply = Writer();
      completion.outcome = Outcome::exception;
      explain(std::make_exception_ptr(
                  ResourceError("the result could not be sent: " + replies_.failure().to_string())),
              reply);
      if (!replies_.place(reply, completion)) os::after_fork::exit_now(1);
    }
    has_memory_ = true;
    worked_at_ = now_;
    if (memory_use_) {
      // relaxed: complete() releases it.
      memory_.completions().resident.store(os::resident_bytes(memory_use_),
                                           std::memory_order_relaxed);
    }
    mailbox_.complete(completion);
    tell_collector(now_ - begin);
    if (!arguments_.has_lost_parcel()) return;
    ring_collector();  // another takes this place
    flush_output();
    os::after_fork::exit_now(1);
  }

  // A waiting thread is rung at once. The service thread, which nobody waits for, is let sleep
  // until there is nothing left to run here or much to collect.
  void tell_collector(std::int64_t nanoseconds) {
    is_ring_due_ = true;
    const Collector collector = memory_.board().read().collector;
    if (collector == Collector::polling) return;
    const bool is_urgent = collector != Collector::service || nanoseconds > kLongNanoseconds;
    if (is_urgent || mailbox_.completed() - mailbox_.reclaimed() >= kDepth / 2) ring_collector();
  }

  // Runs the task. Whatever a task throws is an outcome; what unwinds without being an exception
  // (pthread_exit) ends the worker.
  Outcome call(const Entry& entry, Writer& reply) {
    return guarded(
        [&] {
          const FunctionResolver::Resolved& function = resolve(entry);
          const ArgumentReader::Arguments arguments = arguments_.open(entry);
          Reader reader(arguments.bytes.subspan(entry.name_bytes), arguments.descriptors);
          reader.trust_code();
          if (entry.name_bytes > 0) set_name(arguments.bytes.first(entry.name_bytes));
          task_.set_function(function);
          function.invoker(function.target, reader, reply);
        },
        [&](const std::exception_ptr& error) {
          reply = Writer();
          explain(error, reply);
        });
  }

  // Runs the elements of a map's part, and announces after each how far it has come.
  Outcome call_items(const Entry& entry, Writer& results, Completion& completion) {
    const std::size_t room = replies_.begin_run(entry.ticket, results);
    SharedCompletions& words = memory_.completions();
    internal::ItemRun run(entry.items, entry.ticket, room,
                          {words.progress, words.started, memory_.submissions().end_run,
                           cpu_timer_ ? &*cpu_timer_ : nullptr});
    const Outcome outcome = guarded(
        [&] {
          const FunctionResolver::Resolved& function = resolve(entry);
          const ArgumentReader::Arguments arguments = arguments_.open(entry);
          Reader reader(arguments.bytes, arguments.descriptors);
          reader.trust_code();
          task_.set_function(function);
          internal::restore(function.invoker)(function.target, reader, results, run);
        },
        [&](const std::exception_ptr& error) {
          Writer exception;
          explain(error, exception);
          results.truncate(run.done().bytes);
          results.write(exception.bytes().data(), exception.bytes().size());
          completion.error_bytes = static_cast<std::uint32_t>(exception.bytes().size());
        });
    completion.items = run.done().items;
    return outcome;
  }

  void set_name(std::span<const std::byte> bytes) {
    task_.set_name(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }

  template <class Action, class Explain>
  Outcome guarded(Action action, Explain explain_error) {
    try {
      action();
      leave_if_forked();
      return Outcome::value;
    } catch (...) {
      leave_if_forked();
      const std::exception_ptr error = std::current_exception();
      if (error == nullptr) throw;  // no C++ exception: let it unwind
      explain_error(error);
      return Outcome::exception;
    }
  }

  const FunctionResolver::Resolved& resolve(const Entry& entry) {
    return resolver_.resolve(entry.function, memory_.submissions().functions,
                             memory_.submissions().modules);
  }

  // A task has forked, and the copy has come out of its function: the mailbox is not the copy's.
  void leave_if_forked() const noexcept {
    if (os::fork_generation() != generation_) os::after_fork::exit_now(1);
  }

  void explain(const std::exception_ptr& error, Writer& reply) const {
    serial::encode_exception(reply, error, {index_, os::process_id()});
  }

  // Tells the parent that there is something to collect, once an epoch. A bell remembers that it
  // was rung; a word does not: where what it was woken for has been collected, nobody may have
  // slept on it yet, and it is woken again. A worker whose task has closed its descriptors cannot
  // ring: it ends, which the parent notices by itself.
  void ring_collector() {
    const std::uint64_t reclaimed = mailbox_.reclaimed();
    if (!std::exchange(is_ring_due_, false) || mailbox_.completed() == reclaimed) return;
    const SharedBoard::Notice notice = memory_.board().read();
    if (notice.collector == Collector::polling) return;
    const bool is_on_words = notice.collector == Collector::leader_on_words;
    if (notice.epoch == rung_epoch_ && !(is_on_words && reclaimed >= rung_at_)) return;
    rung_epoch_ = notice.epoch;
    rung_at_ = mailbox_.completed();
    if (is_on_words) {
      sync::Hardware::wake(*low_half(memory_.completions().cq_tail), 1);
      now_ = now_nanoseconds();
      return;
    }
    const os::Fd& bell =
        notice.collector == Collector::leader_asleep ? leader_bell_ : service_bell_;
    if (!os::ring(bell.get())) {
      flush_output();
      os::after_fork::exit_now(1);
    }
    now_ = now_nanoseconds();  // whoever was woken may have had this CPU: not the next task's time
  }

  process::ChildContext& context_;
  AttachedMemory memory_;
  WorkerMailbox<sync::Hardware> mailbox_;
  unsigned index_;
  std::int64_t spin_nanoseconds_;
  std::int64_t now_ = 0;        // by the clock, when it was last looked at
  bool is_ring_due_ = false;    // there is a result that nobody was told of
  std::int64_t worked_at_ = 0;  // when the last task ended
  bool has_memory_ = false;     // what tasks have freed may still be here
  const os::Fd memory_use_;     // where the parent wants to know how large this worker grows
  TaskContext task_{index_, memory_.submissions(), memory_.completions()};
  std::optional<os::CpuTimer> cpu_timer_;
  sync::SpinHistory spin_history_;
  os::Fd leader_bell_;
  os::Fd service_bell_;
  os::Fd control_;
  FunctionResolver resolver_;
  ArgumentReader arguments_{memory_.submissions(), mailbox_, control_.get()};
  ReplySender replies_{memory_.submissions(), memory_.completions(), mailbox_, control_.get()};
  std::uint64_t rung_epoch_ = ~std::uint64_t{0};
  std::uint64_t rung_at_ = 0;  // results there were when it last rang
  const std::uint32_t generation_ = os::fork_generation();
  const int parent_ = os::parent_process_id();
};

os::Fd open_memory_use() {
  os::Result<os::Fd> file = os::open_memory_use();
  if (!file) throw ResourceError("a worker needs " + file.error().to_string());
  os::Result<os::Fd> copy = os::duplicate_high(file->get());  // out of a task's way
  return copy ? std::move(*copy) : std::move(*file);
}

int descriptor(const process::ChildContext& context, WorkerDescriptor which) {
  return context.descriptors.at(static_cast<unsigned>(which))->get();
}

}  // namespace

int worker_main(process::ChildContext& context) {
  os::keep_freed_memory();
  os::ignore_interrupt();  // Ctrl-C goes to the whole group; the parent decides
  Reader payload = context.payload();
  const auto index = payload.get<unsigned>();
  const auto spin_nanoseconds = payload.get<std::int64_t>();
  const auto confinement = payload.get<process::Confinement>();
  os::Result<AttachedMemory> memory = AttachedMemory::attach(
      descriptor(context, WorkerDescriptor::submissions),
      descriptor(context, WorkerDescriptor::completions),
      descriptor(context, WorkerDescriptor::gate), descriptor(context, WorkerDescriptor::board));
  if (!memory) throw ResourceError("a worker needs " + memory.error().to_string());
  WorkerLog::begin(descriptor(context, WorkerDescriptor::black_box),
                   descriptor(context, WorkerDescriptor::log_bell),
                   descriptor(context, WorkerDescriptor::board));
  for (unsigned i = 0; i < kWorkerDescriptors; ++i) payload.take_fd();
  Worker worker(context, std::move(*memory), index, spin_nanoseconds,
                payload.get<bool>() ? open_memory_use() : os::Fd());
  const bool is_fine = worker.initialize(payload, confinement);
  context.descriptors.clear();  // mapped, or kept as copies out of a task's way
  context.control.reset();
  return is_fine ? worker.run() : 1;
}

}  // namespace shoal::pool
