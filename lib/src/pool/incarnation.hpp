// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "memory/ring_allocator.hpp"
#include "pool/dispatcher.hpp"
#include "pool/function_table.hpp"
#include "pool/mailbox.hpp"
#include "pool/worker_memory.hpp"
#include "process/child.hpp"

namespace shoal::pool {

/// One worker process from its start to its death, as its pool sees it: hands tasks over, and takes
/// results in from a stranger. What the worker writes is copied, then checked, then used; the first
/// impossible thing is its violation, after which nothing of it is looked at any more.
/// Under the engine's lock.
class Incarnation {
 public:
  Incarnation(WorkerMemory&& memory, std::shared_ptr<process::Child> child, os::Fd control)
      : memory_(std::move(memory)),
        mailbox_(memory_.submissions(), memory_.completions(), memory_.gate()),
        child_(std::move(child)),
        control_(std::move(control)) {}

  const std::shared_ptr<process::Child>& child() const noexcept { return child_; }
  int control() const noexcept { return control_.get(); }

  /// What the worker wrote that no worker of ours writes; empty for an honest one.
  const std::string& violation() const noexcept { return violation_; }

  /// Reads the worker's first message; false if it is no hello, or was read before.
  bool read_hello();

  /// Hands `task` over. Refused: the worker has stopped reading or broken the protocol, and is to
  /// be killed. Impossible: this process lacks what it takes; `task.raise` is set.
  Delivery deliver(Task& task, const FunctionTable& functions);
  /// Takes the youngest task back; false if the worker has it already.
  bool take_back();
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
    bool is_value = false;  ///< a value, not an exception
    Payload result;
  };
  /// Takes the result of the task with `ticket`, the oldest one delivered.
  Harvest collect(std::uint64_t ticket);
  bool has_tasks() const noexcept { return mailbox_.in_flight() > 0; }
  /// Ticket of the last task that may have started.
  std::uint64_t taken() const noexcept { return mailbox_.taken(); }

 private:
  enum class Fetch { done, no_room, impossible };

  void introduce(const Function& function, const FunctionTable& functions);
  bool place_arguments(Task& task, Entry& entry, os::Fd& file);
  Delivery post_parcel(Task& task, const Entry& entry, const os::Fd& file);
  Fetch fetch(const Completion& completion, Payload& result);
  Fetch fetch_parcel(const Completion& completion, Payload& result);
  static Fetch fetch_file(const os::Fd& file, std::size_t size, Payload& result);

  WorkerMemory memory_;
  ParentMailbox<sync::Hardware> mailbox_;
  std::shared_ptr<process::Child> child_;
  os::Fd control_;
  memory::RingAllocator arguments_{sizeof(SharedSubmissions::arguments)};
  std::deque<bool> uses_arguments_;  // for each task in flight: is there a piece of the ring?
  std::uint32_t known_modules_ = 0;  // modules the worker has been told of
  bool has_said_hello_ = false;
  std::string violation_;
};

}  // namespace shoal::pool
