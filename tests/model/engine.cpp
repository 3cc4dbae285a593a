// SPDX-License-Identifier: Apache-2.0
#include "model/engine.hpp"

namespace shoal::model {

using pool::Collector;
using pool::Honesty;

EngineScenario::EngineScenario(const EnginePlan& plan) : plan_(plan) {
  machine().name(board_.word.location(), "board");
  machine().name(leader_word_.location(), "leader's word");
  for (unsigned caller = 0; caller < plan_.callers; ++caller) {
    waiters_.push_back(std::make_unique<Waiter>());
    machine().add_party("caller " + std::to_string(caller + 1), Fate{},
                        [this, caller] { run_caller(caller); });
  }
  if (plan_.has_deadline) {
    machine().add_party("clock", Fate{}, [this] {
      alarm_.ring();
      waiters_.back()->wake.notify_one();
    });
  }
  machine().add_party("service", Fate{.may_wait_on = true}, [this] { serve(); });
  for (unsigned index = 0; index < plan_.workers; ++index) {
    const std::string name = "worker " + std::to_string(index + 1);
    Standing& standing = *standings_.emplace_back(std::make_unique<Standing>(name));
    const unsigned party =
        machine().add_party(name, Fate{.is_mortal = plan_.are_mortal, .may_wait_on = true},
                            [&standing] { standing.worker->run(); });
    standing.death.emplace(Event::of_death(party));
  }
}

void EngineScenario::prepare() {
  deeds_ = {};
  tasks_ = {};
  followers_ = to_wake_ = {};
  leading_ = kNobody;
  is_leader_asleep_ = false;
  posted_ = Collector::service;
  word_count_ = collected_ = 0;
  tokens_.emplace(plan_.tokens);
  for (const auto& waiter : waiters_) waiter->is_called = false;
  for (const auto& standing : standings_) {
    Shared& shared = standing->shared;
    standing->parent.emplace(shared.submissions, shared.completions, shared.gate);
    standing->worker.emplace(shared, board_, leader_ear_, service_ear_, deeds_, plan_.worker);
    standing->flight = standing->backlog = {};
    standing->is_gone = false;
  }
}

std::string EngineScenario::check() {
  for (unsigned ticket = 1; ticket <= plan_.tasks; ++ticket) {
    const Deed& deed = deeds_[ticket];
    const Status status = tasks_[ticket].status;
    if (status == Status::queued && deed.is_published) return "a result is never collected";
    if (status == Status::queued) return "a task is never done";
    if (deed.begun > 1) return "a task ran twice";
    if (status == Status::done && deed.ended != 1) return "a task is done that did not run";
    if (status != Status::done && deed.is_published) return "a result is not delivered";
    if (status == Status::dropped && deed.begun != 0) return "a task would run twice";
    if (status != Status::done && !plan_.are_mortal) return "a task is lost, and nobody died";
  }
  return {};
}

// --- callers ------------------------------------------------------------------------------------

void EngineScenario::run_caller(unsigned caller) {
  const unsigned own = caller + 1;
  for (unsigned ticket = own; ticket <= plan_.tasks; ticket += plan_.callers) submit(ticket);
  wait(tasks_[own], caller);
}

void EngineScenario::submit(unsigned ticket) {
  lock();
  Standing* standing = standings_[ticket % plan_.workers].get();
  for (const auto& other : standings_) {
    if (standing->is_gone) standing = other.get();
  }
  if (standing->is_gone) {
    tasks_[ticket].status = Status::dropped;
  } else {
    standing->backlog.push(ticket);
    dispatch(*standing);
    if (plan_.collects_in_passing && leading_ == kNobody) collect();
  }
  unlock();
}

void EngineScenario::unlock() {
  const Row bells = std::exchange(to_wake_, {});
  mutex_.unlock();
  for (unsigned i = 0; i < bells.count; ++i) {
    Platform::wake(standings_[bells.items[i]]->parent->bell(), 1);
  }
}

void EngineScenario::wait(Task& task, unsigned self) {
  lock();
  if (task.is_done()) return unlock();  // the product asks before it locks
  task.waiter = self;
  do {
    if (leading_ == kNobody) {
      lead(task, self);
    } else {
      follow(task, self);
    }
  } while (!task.is_done() && !is_past_deadline(self));
  task.waiter = kNobody;
  if (leading_ == kNobody) pass_lead();
  unlock();
}

void EngineScenario::lead(Task& task, unsigned self) {
  leading_ = self;
  while (!task.is_done()) {
    if (poll(task, self)) break;
    if (plan_.sleeps_on_words) list_words();
    if (plan_.looks_before_post) collect();
    const Collector how =
        plan_.sleeps_on_words ? Collector::leader_on_words : Collector::leader_asleep;
    if (!plan_.sleeps_as_polling) post(how);
    const unsigned before = collected_;
    if (!plan_.looks_before_post) collect();
    if (task.is_done() || is_past_deadline(self)) break;
    if (collected_ != before) continue;
    if (plan_.silences_late) silence();
    sleep_unlocked(self);
    if (!plan_.silences_late) silence();
    collect();
  }
  stop_leading();
}

void EngineScenario::stop_leading() {
  leading_ = kNobody;
  if (!has_tasks()) return;
  if (!plan_.leaves_without_post) post(Collector::service);
  if (!plan_.leaves_without_look) collect();
}

bool EngineScenario::poll(const Task& task, unsigned self) {
  if (plan_.looks == 0 || !take_token()) return false;
  if (posted_ != Collector::polling) post(Collector::polling);
  for (unsigned looks = 1;; ++looks) {
    collect();
    if (task.is_done()) return true;
    if (looks == plan_.looks || !take_token()) return is_past_deadline(self);
    unlock();
    Platform::relax();
    lock();
  }
}

bool EngineScenario::take_token() {
  if (!plan_.polls_without_token && !tokens_->lead()) return false;
  machine().expect(count_idle_spinners() < plan_.tokens, "more spinners than tokens");
  return true;
}

// Workers without tasks that have been told that they may poll, and not that they may not.
unsigned EngineScenario::count_idle_spinners() const {
  return static_cast<unsigned>(std::count_if(standings_.begin(), standings_.end(), [](auto& each) {
    const Location flag = each->shared.submissions.may_spin.location();
    return !each->has_tasks() && Machine::current().memory().newest(flag) != 0;
  }));
}

bool EngineScenario::is_past_deadline(unsigned self) {
  return plan_.has_deadline && self + 1 == plan_.callers &&
         machine().read_kernel(alarm_.location()) != 0;
}

void EngineScenario::list_words() {
  word_count_ = 0;
  words_[word_count_++] = {leader_word_.location(), leader_word_.load(std::memory_order_relaxed)};
  for (const auto& standing : standings_) {
    if (standing->is_gone) continue;
    words_[word_count_++] = {standing->shared.completions.cq_tail.location(),
                             standing->parent->collected()};
  }
}

void EngineScenario::sleep_unlocked(unsigned self) {
  is_leader_asleep_ = true;
  unlock();
  if (plan_.sleeps_on_words) {
    machine().futex_wait_any(std::span(words_).first(word_count_));
  } else if (plan_.has_deadline && self + 1 == plan_.callers) {
    wait_readable({&leader_ear_, &leader_own_, &alarm_});
  } else {
    wait_readable({&leader_ear_, &leader_own_});
  }
  lock();
  is_leader_asleep_ = false;
}

void EngineScenario::silence() {
  leader_ear_.silence();
  leader_own_.silence();
}

void EngineScenario::follow(Task& task, unsigned self) {
  followers_.push(self);
  Waiter& waiter = *waiters_[self];
  unlock();
  lock();
  waiter.wake.wait(mutex_,
                   [&] { return waiter.is_called || task.is_done() || is_past_deadline(self); });
  waiter.is_called = false;
  followers_.erase(self);
}

void EngineScenario::pass_lead() {
  if (followers_.count == 0) return;
  Waiter& first = *waiters_[followers_.items[0]];
  first.is_called = true;
  first.wake.notify_one();
}

void EngineScenario::announce(Task& task) {
  const unsigned waiter = std::exchange(task.waiter, kNobody);
  if (waiter == kNobody) return;
  waiters_[waiter]->is_called = true;
  waiters_[waiter]->wake.notify_one();
  if (waiter != leading_ || !is_leader_asleep_ || plan_.tells_no_sleeping_leader) return;
  if (!plan_.sleeps_on_words) return leader_own_.ring();
  leader_word_.fetch_add(1, std::memory_order_relaxed);
  Platform::wake(leader_word_, 1);
}

}  // namespace shoal::model
