// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <bitset>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "memory/ring_allocator.hpp"
#include "os/futex.hpp"
#include "os/lasting_fd.hpp"
#include "pool/dispatcher.hpp"
#include "pool/function_table.hpp"
#include "pool/lent_files.hpp"
#include "pool/mailbox.hpp"
#include "pool/parcel.hpp"
#include "pool/worker_memory.hpp"
#include "process/child.hpp"

namespace shoal::pool {

/// One worker process from its start to its death, as its pool sees it: hands tasks over, and takes
/// results in from a stranger. What the worker writes is copied, then checked, then used; the first
/// impossible thing is its violation, after which nothing of it is looked at any more.
/// Under the engine's lock.
class Incarnation {
 public:
  /// Arguments up to this size go through the ring in D; larger ones in files of their own.
  static constexpr std::size_t kLargestCopiedArguments = 16 << 10;

  /// `end_bell` is rung once something has gone here that the worker keeps, for drop_lent();
  /// without one it keeps nothing.
  Incarnation(WorkerMemory&& memory, std::shared_ptr<process::Child> child, os::Fd control,
              std::shared_ptr<os::EndBell> end_bell = nullptr)
      : memory_(std::move(memory)),
        mailbox_(memory_.submissions(), memory_.completions(), memory_.gate()),
        child_(std::move(child)),
        control_(std::move(control)),
        lent_(memory_.submissions(), std::move(end_bell)) {}
  Incarnation(const Incarnation&) = delete;
  Incarnation& operator=(const Incarnation&) = delete;
  ~Incarnation() {
    if (leases_ != nullptr) leases_->close();
  }

  const std::shared_ptr<process::Child>& child() const noexcept { return child_; }
  int control() const noexcept { return control_.get(); }

  /// What the worker wrote that no worker of ours writes; empty for an honest one.
  const std::string& violation() const noexcept { return violation_; }

  /// Takes note that this process has ended the worker.
  void note_kill() noexcept { is_killed_ = true; }
  bool is_killed() const noexcept { return is_killed_; }

  enum class Hello {
    none,  ///< it is none, or was read before
    ready,
    broken,  ///< the initializer has thrown
  };
  /// Reads the worker's first message, and into `complaint` what it has to complain of.
  Hello read_hello(std::string& complaint);

  /// When the worker began `task`, the oldest one delivered, by its own word; none if it did not.
  std::optional<DispatchPort::TimePoint> begun(const Task& task) const noexcept;
  /// Asks a task to stop; false if it has never looked whether anybody asks.
  bool ask_to_stop(const Task& task) noexcept { return mailbox_.ask_to_stop(task.ticket); }
  /// How far a task says it is.
  std::optional<double> report(const Task& task) const noexcept {
    return mailbox_.report(task.ticket);
  }
  /// Bytes of memory that the worker says it has.
  std::uint64_t resident() const noexcept { return mailbox_.resident(); }

  /// Hands `task` over; the worker sees it at the next publish(). Full: there is no room behind
  /// what it has already. Refused: the worker has stopped reading, and is to be killed. Impossible:
  /// this process lacks what it takes; the task says what.
  Delivery deliver(Task& task, const FunctionTable& functions);
  /// Lets the worker take what was delivered; false if it broke the protocol.
  bool publish();
  /// Takes the youngest task back; false if the worker has it already.
  bool take_back();
  /// Asks the worker to leave off a part of a map behind the element it runs.
  void end_run(const Task& part) noexcept { mailbox_.end_run(part.ticket); }
  /// Tells the worker to leave.
  void dismiss() noexcept { mailbox_.command(Command::exit); }
  /// True if the worker must be woken, on bell(), to see the above.
  bool needs_wake() noexcept { return mailbox_.needs_wake(); }
  const std::atomic<std::uint32_t>& bell() const noexcept { return mailbox_.bell(); }

  /// The next result.
  struct Harvest {
    enum class Kind {
      nothing,  ///< there is none
      result,
      no_room,  ///< this process lacks the memory or descriptors to take it
    };
    Kind kind = Kind::nothing;
    Completed completed;
  };
  /// Takes the result of `task`, the oldest one delivered.
  Harvest collect(const Task& task);
  bool has_tasks() const noexcept { return mailbox_.in_flight() > 0; }
  /// Ticket of the last task that may have started: a false answer to one is a beginning, whatever
  /// the worker says otherwise.
  std::uint64_t taken() const noexcept { return std::max(mailbox_.taken(), answered_falsely_); }

  /// When the task of taken() began, by the worker's own word.
  std::int64_t started() const noexcept { return mailbox_.started(); }

  /// What a worker that has died while it ran `task`, perhaps a part of a map, had finished of it.
  void rescue(const Task& task, WorkerEnd& end) const;

  /// Lets the worker know which segments are gone; true if it still held one of them.
  bool drop_segments(const memory::Arena& arena) noexcept;

  /// Lets the worker know which of the descriptors it keeps have gone here; true if there are any.
  bool drop_lent() noexcept {
    const bool has_gone = lent_.drop_gone();
    if (has_gone) mailbox_.drop_segments();
    return has_gone;
  }

  /// Looks at a worker without tasks; false if it says that it has done one.
  bool is_silent_when_idle() {
    if (has_tasks() || !has_news()) return true;
    violation_ = "a completion without a task";
    return false;
  }

  /// True if collect() may find something: a look at one word.
  bool has_news() const noexcept { return mailbox_.has_news(); }
  /// The word that changes with the next result, and what it holds until then.
  os::FutexWord next_result() const noexcept;
  /// Lets the worker poll before it sleeps, or no more.
  void allow_spin(bool may_spin) noexcept { mailbox_.allow_spin(may_spin); }
  /// How often it has polled, by its own word.
  std::uint64_t spins() const noexcept { return mailbox_.spins(); }

 private:
  enum class Fetch { done, no_room, impossible };

  void introduce(const Function& function, const FunctionTable& functions);
  bool has_room_for(const Function& function) const;
  Delivery hand_over(Task& task, const FunctionTable& functions);
  void forget_youngest() noexcept;
  Delivery place_arguments(Task& task, Entry& entry, os::Fd& file);
  Delivery place_in_segment(Task& task, Entry& entry);
  Delivery lend(Task& task, Entry& entry);
  Delivery post_parcel(Task& task, const Entry& entry, const os::Fd& file);
  Delivery explain(Task& task, const char* what, const os::Failure& failure) const;
  static bool is_possible(const Completion& completion, const Task& task);
  Fetch fetch(const Completion& completion, const Task& task, Payload& result);
  Fetch fetch_bytes(const Completion& completion, const Task& task, Payload& result);
  Fetch fetch_from_segment(const Completion& completion, const Task& task, Payload& result);
  Fetch fetch_segment(const Completion& completion);
  Harvest refuse(const Task& task, const char* violation);
  void give_back_lost(const Completion& completion) noexcept;
  Fetch add_segment(const Parcel& parcel);
  Fetch fetch_parcel(const Completion& completion, Payload& result);
  static Fetch fetch_file(const os::Fd& file, std::size_t size, Payload& result);

  WorkerMemory memory_;
  ParentMailbox<sync::Hardware> mailbox_;
  std::shared_ptr<process::Child> child_;
  os::Fd control_;
  LentFiles lent_;
  memory::RingAllocator arguments_{sizeof(SharedSubmissions::arguments)};
  std::deque<bool> uses_arguments_;  // for each task in flight: is there a piece of the ring?
  std::uint32_t known_modules_ = 0;  // modules the worker has been told of
  std::array<std::shared_ptr<const memory::Mapping>, kSegmentSlots> reply_segments_;
  std::shared_ptr<ReplyLeases> leases_ = std::make_shared<ReplyLeases>(memory_.submissions());
  std::bitset<kSegmentSlots> lost_segments_;  // those that came and could not be mapped
  bool has_said_hello_ = false;
  bool is_killed_ = false;
  std::string violation_;
  std::uint64_t answered_falsely_ = 0;  // ticket of the task whose result was the violation
};

}  // namespace shoal::pool
