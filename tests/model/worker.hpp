// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "model/kernel.hpp"
#include "model/machine.hpp"
#include "model/platform.hpp"
#include "pool/board.hpp"
#include "pool/mailbox.hpp"

namespace shoal::model {

inline constexpr std::size_t kMostTasks = 4;

/// What a task did, whatever the shared memory says. Tickets begin with 1.
struct Deed {
  unsigned begun = 0;
  unsigned ended = 0;
  bool is_published = false;
};
using Deeds = std::array<Deed, kMostTasks + 1>;

/// The three files of a mailbox, and a page with the board.
struct Shared {
  explicit Shared(const std::string& worker = "") {
    Machine& machine = Machine::current();
    const std::string of = worker.empty() ? "" : worker + "'s ";
    machine.name(gate.word.location(), of + "gate");
    machine.name(submissions.cq_head.location(), of + "cq_head");
    machine.name(submissions.bell.location(), of + "bell");
    machine.name(submissions.command.location(), of + "command");
    machine.name(submissions.may_spin.location(), of + "may_spin");
    machine.name(completions.cq_tail.location(), of + "cq_tail");
    machine.name(completions.taken.location(), of + "taken");
    machine.name(completions.started.location(), of + "started");
    machine.name(completions.sleeping.location(), of + "sleeping");
    machine.name(completions.spins.location(), of + "spins");
  }

  pool::Submissions<Platform> submissions;
  pool::Completions<Platform> completions;
  pool::Gate<Platform> gate;
};

inline pool::Entry make_entry(std::uint64_t ticket) noexcept {
  pool::Entry entry{};
  entry.ticket = ticket;
  entry.place = pool::Place::in_entry;
  entry.size = sizeof ticket;
  std::memcpy(entry.bytes.data(), &ticket, sizeof ticket);
  return entry;
}

inline pool::Completion make_completion(std::uint64_t ticket) noexcept {
  pool::Completion completion{};
  completion.ticket = ticket;
  completion.place = pool::Place::in_entry;
  completion.size = sizeof ticket;
  const std::uint64_t result = ~ticket;
  std::memcpy(completion.bytes.data(), &result, sizeof result);
  return completion;
}

inline bool has_arguments_of(const pool::Entry& entry, std::uint64_t ticket) noexcept {
  const pool::Entry right = make_entry(ticket);
  return entry.size == right.size &&
         std::memcmp(entry.bytes.data(), right.bytes.data(), right.size) == 0;
}

inline bool has_result_of(const pool::Completion& completion, std::uint64_t ticket) noexcept {
  const pool::Completion right = make_completion(ticket);
  return completion.size == right.size &&
         std::memcmp(completion.bytes.data(), right.bytes.data(), right.size) == 0;
}

/// How a worker waits, and how a broken one differs from a good one.
struct WorkerHabits {
  unsigned looks = 0;  ///< most looks of one poll before it sleeps
  Weakness take{};
  Weakness complete{};
  Weakness sleep{};
  Weakness ring{};
  bool never_rings = false;
  bool wakes_once_an_epoch = false;  ///< a leader on words
  bool sleeps_without_ring = false;
};

/// What a worker does with its mailbox: pool/worker_main.cpp without the tasks. Those with an even
/// ticket are long.
class Worker {
 public:
  Worker(Shared& shared, const pool::Board<Platform>& board, Event& leader_bell,
         Event& service_bell, Deeds& deeds, const WorkerHabits& habits = {}) noexcept
      : mailbox_(shared.submissions, shared.completions, shared.gate),
        cq_tail_(shared.completions.cq_tail.location()),
        board_(&board),
        leader_bell_(&leader_bell),
        service_bell_(&service_bell),
        deeds_(&deeds),
        habits_(habits) {}

  void run() {
    for (pool::Entry entry;;) {
      if (take(entry)) {
        perform(entry);
      } else if (mailbox_.command() == pool::Command::exit) {
        ring_collector();
        return;
      } else {
        wait_for_work();
      }
    }
  }

 private:
  bool take(pool::Entry& entry) {
    const Weakened weakened(habits_.take);
    return mailbox_.take(entry, 1);
  }

  void wait_for_work() {
    if (poll()) return;
    if (!habits_.sleeps_without_ring) ring_collector();
    const Weakened weakened(habits_.sleep);
    mailbox_.sleep();
  }

  bool poll() {
    if (habits_.looks == 0) return false;
    bool has_found = false;
    for (unsigned looks = 0; looks < habits_.looks && mailbox_.may_spin(); ++looks) {
      has_found = mailbox_.has_work();
      if (has_found) break;
      Platform::relax();
      if (is_ring_due_ && looks > 0) ring_collector();
    }
    mailbox_.count_spin();
    return has_found;
  }

  void perform(const pool::Entry& entry) {
    Machine& machine = Machine::current();
    machine.expect(entry.ticket >= 1 && entry.ticket <= kMostTasks, "a task has no such ticket");
    machine.expect(has_arguments_of(entry, entry.ticket), "a task has wrong arguments");
    Deed& deed = (*deeds_)[entry.ticket];
    machine.step("begins the task");
    ++deed.begun;
    machine.step("ends the task");
    ++deed.ended;
    complete(make_completion(entry.ticket));
    deed.is_published = true;
    tell_collector(entry.ticket % 2 == 0);
  }

  void complete(const pool::Completion& completion) {
    const Weakened weakened(habits_.complete);
    mailbox_.complete(completion);
  }

  void tell_collector(bool is_long) {
    is_ring_due_ = true;
    const pool::Collector collector = read_board().collector;
    if (collector == pool::Collector::polling) return;
    if (is_long || collector != pool::Collector::service) ring_collector();
  }

  void ring_collector() {
    if (habits_.never_rings) return;
    const std::uint64_t reclaimed = mailbox_.reclaimed();
    if (!std::exchange(is_ring_due_, false) || mailbox_.completed() == reclaimed) return;
    const auto notice = read_board();
    if (notice.collector == pool::Collector::polling) return;
    const bool is_on_words = notice.collector == pool::Collector::leader_on_words;
    const bool wakes_again = is_on_words && reclaimed >= rung_at_ && !habits_.wakes_once_an_epoch;
    if (notice.epoch == rung_epoch_ && !wakes_again) return;
    rung_epoch_ = notice.epoch;
    rung_at_ = mailbox_.completed();
    if (is_on_words) {
      Machine::current().futex_wake(cq_tail_, 1);
      return;
    }
    (notice.collector == pool::Collector::leader_asleep ? leader_bell_ : service_bell_)->ring();
  }

  pool::Board<Platform>::Notice read_board() {
    const Weakened weakened(habits_.ring);
    return board_->read();
  }

  pool::WorkerMailbox<Platform> mailbox_;
  Location cq_tail_;
  const pool::Board<Platform>* board_;
  Event* leader_bell_;
  Event* service_bell_;
  Deeds* deeds_;
  WorkerHabits habits_;
  bool is_ring_due_ = false;
  std::uint64_t rung_epoch_ = ~std::uint64_t{0};
  std::uint64_t rung_at_ = 0;
};

}  // namespace shoal::model
