// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/chooser.hpp"
#include "model/fiber.hpp"
#include "model/memory.hpp"

namespace shoal::model {

/// What may become of a party.
struct Fate {
  bool is_mortal = false;    ///< it may be killed before any of its steps
  bool may_wait_on = false;  ///< it may sleep for ever once all others have ended or sleep
};

/// A model of a machine: parties that make one step at a time, in an order and with a memory that a
/// Chooser decides. A step is an access to an atomic word, a fence or a system call.
class Machine {
 public:
  Machine();
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// The one that the present test uses.
  static Machine& current() noexcept { return *current_; }

  /// Before the first execution.
  unsigned add_party(std::string name, Fate fate, std::function<void()> body);
  Location add_location() { return memory_.add(); }
  void name(Location location, std::string name);
  Memory& memory() noexcept { return memory_; }

  /// Forgets the last execution, so that the next can be prepared.
  void reset();
  /// Runs the parties until all have ended or sleep; the failure, or nothing.
  struct Outcome {
    std::string failure;
    unsigned steps = 0;
    unsigned deaths = 0;
  };
  /// Before how many different steps of theirs parties have died in all executions so far.
  std::size_t death_points() const noexcept { return death_points_.size(); }

  Outcome run(Chooser& chooser);
  /// From now on each step is written down.
  void start_trace() { is_tracing_ = true; }
  const std::vector<std::string>& trace() const noexcept { return trace_; }

  // --- for the parties -------------------------------------------------------------------------
  void expect(bool is_true, const char* fact) {
    if (!is_true) fail(fact);
  }
  [[noreturn]] void fail(std::string what);
  /// Writes a remark in the trace.
  void note(const char* what) {
    if (is_tracing_) write_trace(what);
  }

  std::uint64_t load(Location location, std::memory_order order);
  void store(Location location, std::uint64_t value, std::memory_order order);
  std::uint64_t add(Location location, std::uint64_t value, std::memory_order order);
  bool swap(Location location, std::uint64_t& expected, std::uint64_t desired,
            std::memory_order success, std::memory_order failure);
  /// As swap(), but may fail for nothing.
  bool swap_weakly(Location location, std::uint64_t& expected, std::uint64_t desired,
                   std::memory_order success, std::memory_order failure);
  void fence();
  void write_plain(const void* address);
  void read_plain(const void* address);
  /// One step of polling: others come first.
  void relax();

  void futex_wait(Location location, std::uint64_t expected);
  /// futex_waitv(2): returns once one of them is woken, or does not hold what is expected.
  struct Expected {
    Location location;
    std::uint64_t value;
  };
  void futex_wait_any(std::span<const Expected> words);
  int futex_wake(Location location, int count);

  /// The signal that cannot be caught: `party` makes no more than a few further steps.
  void kill(unsigned party);
  bool is_dead(unsigned party) const noexcept { return parties_[party]->is_dead; }
  /// Set to 1 by the death of `party`, with all it did before.
  Location death_of(unsigned party) const noexcept { return parties_[party]->death; }

  // For what is built from these: one step, and sleep on any of some words until woken on it.
  void step(const char* what);
  void sleep_on(std::uint64_t locations);
  int wake(Location location, int count) noexcept;
  Sight& sight() noexcept { return parties_[running_]->sight; }
  unsigned running() const noexcept { return running_; }
  /// A word that the kernel keeps: its newest value, with all that came before.
  std::uint64_t read_kernel(Location location) noexcept;
  void write_kernel(Location location, std::uint64_t value) noexcept {
    memory_.update_newest(sight(), location, value);
  }

 private:
  struct Party {
    std::string name;
    Fate fate;
    std::function<void()> body;
    std::unique_ptr<Fiber> fiber;
    Location death = 0;
    Sight sight;
    std::uint64_t sleeps_on = 0;
    unsigned steps = 0;
    bool is_dead = false;
  };

  void run_party(unsigned party);
  void give_turn(bool is_giving_way);
  void bury(unsigned party);
  void end_execution();
  std::string find_failure() const;
  void count_step();
  void write_trace(const std::string& what);
  void trace_access(const char* what, Location location, std::uint64_t value, unsigned age);

  static inline Machine* current_ = nullptr;

  Memory memory_;
  std::vector<std::unique_ptr<Party>> parties_;
  std::vector<std::string> names_;
  Context outside_;
  Chooser* chooser_ = nullptr;
  unsigned running_ = 0;
  Parties ready_ = 0;
  Parties mortal_ = 0;
  Parties doomed_ = 0;
  Outcome outcome_;
  std::set<std::pair<unsigned, unsigned>> death_points_;  // a party, and its steps before
  bool is_tracing_ = false;
  std::vector<std::string> trace_;
};

/// While it lives, what the running party asks of the memory is weaker than asked: for mutants.
class Weakened {
 public:
  explicit Weakened(Weakness weakness) noexcept { Machine::current().sight().weakness = weakness; }
  ~Weakened() { Machine::current().sight().weakness = {}; }
  Weakened(const Weakened&) = delete;
  Weakened& operator=(const Weakened&) = delete;
};

}  // namespace shoal::model
