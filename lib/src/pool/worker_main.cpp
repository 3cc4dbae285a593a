// SPDX-License-Identifier: Apache-2.0
#include "pool/worker_main.hpp"

#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>

#include "base/log.hpp"
#include "memory/ring_allocator.hpp"
#include "os/after_fork.hpp"
#include "os/child.hpp"
#include "os/event.hpp"
#include "os/fork_generation.hpp"
#include "os/memfd.hpp"
#include "pool/function_table.hpp"
#include "pool/mailbox.hpp"
#include "pool/parcel.hpp"
#include "pool/worker_memory.hpp"
#include "serial/exception_codec.hpp"
#include "shoal/error.hpp"
#include "shoal/reader.hpp"
#include "shoal/writer.hpp"

namespace shoal::pool {
namespace {

using Descriptors = std::vector<std::shared_ptr<const UniqueFd>>;

// Replies up to this size go through the ring in W, where the parent copies them; larger ones go in
// files of their own, which the parent maps.
constexpr std::size_t kLargestCopiedReply = 16 << 10;

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
  Worker(process::ChildContext& context, AttachedMemory memory, unsigned index)
      : context_(context),
        memory_(std::move(memory)),
        mailbox_(memory_.submissions(), memory_.completions(), memory_.gate()),
        index_(index),
        leader_bell_(keep_high(WorkerDescriptor::leader)),
        service_bell_(keep_high(WorkerDescriptor::service)),
        control_(keep_high(context.control.get())) {}

  int run() {
    const os::Result<void> hello =
        send_parcel(control_.get(), {kHelloTicket, 0, 0}, {}, os::Wait::yes);
    if (!hello) return 1;  // the parent is gone
    for (;;) {
      Entry entry;
      if (mailbox_.take(entry, now_nanoseconds())) {
        perform(entry);
        continue;
      }
      if (mailbox_.command() == Command::exit) return 0;
      flush_output();
      mailbox_.sleep();
    }
  }

 private:
  struct Arguments {
    std::span<const std::byte> bytes;
    memory::Mapping file;
    Descriptors descriptors;
  };

  os::Fd keep_high(WorkerDescriptor which) const {
    return keep_high(context_.descriptors[static_cast<unsigned>(which)]->get());
  }
  static os::Fd keep_high(int fd) {
    os::Result<os::Fd> copy = os::duplicate_high(fd);
    if (!copy) throw ResourceError("a worker needs " + copy.error().to_string());
    return std::move(*copy);
  }

  void perform(const Entry& entry) {
    Writer reply;
    Completion completion{};
    completion.ticket = entry.ticket;
    completion.outcome = call(entry, reply);
    if (!place_reply(reply, completion)) {
      reply = Writer();
      completion.outcome = Outcome::exception;
      explain(std::make_exception_ptr(
                  ResourceError("the result could not be sent: " + place_failure_.to_string())),
              reply);
      if (!place_reply(reply, completion)) os::after_fork::exit_now(1);
    }
    mailbox_.complete(completion);
    ring_collector();
  }

  // Runs the task. Whatever a task throws is an outcome; what unwinds without being an exception
  // (pthread_exit) ends the worker.
  Outcome call(const Entry& entry, Writer& reply) {
    try {
      const FunctionResolver::Resolved& function = resolver_.resolve(
          entry.function, memory_.submissions().functions, memory_.submissions().modules);
      const Arguments arguments = open_arguments(entry);
      Reader reader(arguments.bytes, arguments.descriptors);
      function.invoker(function.target, reader, reply);
      leave_if_forked();
      return Outcome::value;
    } catch (...) {
      leave_if_forked();
      const std::exception_ptr error = std::current_exception();
      if (error == nullptr) throw;  // no C++ exception: let it unwind
      reply = Writer();
      explain(error, reply);
      return Outcome::exception;
    }
  }

  // A task has forked, and the copy has come out of its function: the mailbox is not the copy's.
  void leave_if_forked() const noexcept {
    if (os::fork_generation() != generation_) os::after_fork::exit_now(1);
  }

  void explain(const std::exception_ptr& error, Writer& reply) const {
    serial::encode_exception(reply, error, {index_, os::process_id()});
  }

  Arguments open_arguments(const Entry& entry) {
    Arguments arguments;
    if (entry.place == Place::in_file || entry.descriptors > 0) receive(entry, arguments);
    if (entry.place == Place::in_entry) {
      arguments.bytes = std::span(entry.bytes).first(entry.size);
    } else if (entry.place == Place::in_mailbox) {
      arguments.bytes =
          std::span(memory_.submissions().arguments).subspan(entry.offset, entry.size);
    } else {
      arguments.bytes = arguments.file.bytes();
    }
    return arguments;
  }

  // Parcels come in the order of dispatch; those of tasks that were taken back are dropped here.
  void receive(const Entry& entry, Arguments& arguments) {
    for (;;) {
      os::Result<Parcel> parcel = receive_parcel(control_.get(), os::Wait::yes);
      if (!parcel) {
        throw ResourceError(std::error_code(parcel.error().error, std::generic_category()),
                            "a worker could not receive the descriptors of its task");
      }
      if (parcel->label.ticket != entry.ticket) continue;
      auto fd = parcel->fds.begin();
      if (parcel->label.has_file != 0) arguments.file = map_file(*fd++, entry.size);
      for (; fd != parcel->fds.end(); ++fd) {
        arguments.descriptors.push_back(std::make_shared<const UniqueFd>(std::move(*fd)));
      }
      return;
    }
  }

  static memory::Mapping map_file(const os::Fd& file, std::size_t bytes) {
    os::Result<memory::Mapping> mapping =
        memory::Mapping::map(file.get(), bytes, memory::Access::private_copy);
    if (!mapping) throw ResourceError("a worker needs " + mapping.error().to_string());
    return std::move(*mapping);
  }

  bool place_reply(const Writer& reply, Completion& completion) {
    const std::span<const std::byte> bytes = reply.bytes();
    completion.size = bytes.size();
    completion.descriptors = static_cast<std::uint16_t>(reply.descriptors().size());
    os::Fd file;
    if (bytes.size() <= kCompletionInlineBytes) {
      completion.place = Place::in_entry;
      std::copy(bytes.begin(), bytes.end(), completion.bytes.begin());
    } else if (const auto offset = allocate_reply(bytes.size())) {
      completion.place = Place::in_mailbox;
      completion.offset = static_cast<std::uint32_t>(*offset);
      std::copy(bytes.begin(), bytes.end(), memory_.completions().replies.begin() + *offset);
    } else {
      completion.place = Place::in_file;
      os::Result<os::Fd> made = os::make_sealed_file("shoal-payload", bytes);
      if (!made) return fail(made.error());
      file = std::move(*made);
    }
    if (!file && reply.descriptors().empty()) return true;
    return send(reply, completion.ticket, file);
  }

  bool fail(const os::Failure& failure) {
    place_failure_ = failure;
    return false;
  }

  std::optional<std::size_t> allocate_reply(std::size_t bytes) {
    if (bytes > kLargestCopiedReply) return std::nullopt;
    for (; !reply_owners_.empty() && reply_owners_.front() < mailbox_.reclaimed();
         reply_owners_.pop_front()) {
      replies_.free_front();
    }
    const std::optional<std::size_t> offset = replies_.allocate(bytes);
    if (offset) reply_owners_.push_back(mailbox_.completed());
    return offset;
  }

  bool send(const Writer& reply, std::uint64_t ticket, const os::Fd& file) {
    std::vector<int> fds;
    if (file) fds.push_back(file.get());
    for (const auto& fd : reply.descriptors()) fds.push_back(fd->get());
    const os::Result<void> sent =
        send_parcel(control_.get(), {ticket, file ? 1U : 0U, 0}, fds, os::Wait::yes);
    return sent ? true : fail(sent.error());
  }

  // Tells the parent that there is something to collect, once an epoch. A worker whose task has
  // closed its descriptors cannot: it ends, which the parent notices by itself.
  void ring_collector() {
    const SharedBoard::Notice notice = memory_.board().read();
    if (notice.collector == Collector::polling || notice.epoch == rung_epoch_) return;
    rung_epoch_ = notice.epoch;
    const os::Fd& bell =
        notice.collector == Collector::leader_asleep ? leader_bell_ : service_bell_;
    if (!os::ring(bell.get())) {
      flush_output();
      os::after_fork::exit_now(1);
    }
  }

  process::ChildContext& context_;
  AttachedMemory memory_;
  WorkerMailbox<sync::Hardware> mailbox_;
  unsigned index_;
  os::Fd leader_bell_;
  os::Fd service_bell_;
  os::Fd control_;
  FunctionResolver resolver_;
  memory::RingAllocator replies_{sizeof(SharedCompletions::replies)};
  std::deque<std::uint64_t> reply_owners_;  // the completion each piece of the ring belongs to
  std::uint64_t rung_epoch_ = ~std::uint64_t{0};
  os::Failure place_failure_;
  const std::uint32_t generation_ = os::fork_generation();
};

int descriptor(const process::ChildContext& context, WorkerDescriptor which) {
  return context.descriptors.at(static_cast<unsigned>(which))->get();
}

}  // namespace

int worker_main(process::ChildContext& context) {
  os::ignore_interrupt();  // Ctrl-C goes to the whole group; the parent decides
  Reader payload = context.payload();
  const auto index = payload.get<unsigned>();
  os::Result<AttachedMemory> memory = AttachedMemory::attach(
      descriptor(context, WorkerDescriptor::submissions),
      descriptor(context, WorkerDescriptor::completions),
      descriptor(context, WorkerDescriptor::gate), descriptor(context, WorkerDescriptor::board));
  if (!memory) throw ResourceError("a worker needs " + memory.error().to_string());
  Worker worker(context, std::move(*memory), index);
  context.descriptors.clear();  // mapped, or kept as copies out of a task's way
  context.control.reset();
  return worker.run();
}

}  // namespace shoal::pool
