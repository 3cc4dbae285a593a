// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

namespace shoal::model {

/// Parties as bits.
using Parties = std::uint32_t;

constexpr Parties bit(unsigned party) noexcept { return Parties{1} << party; }

/// What may happen next.
struct Situation {
  unsigned current;    ///< who made the last step
  Parties ready;       ///< who can make the next
  Parties mortal;      ///< who may be killed by fate
  Parties doomed;      ///< who has been killed, and may make a few more steps
  bool is_giving_way;  ///< the last step was one of polling
  unsigned step;       ///< steps made so far
};

/// What happens next: a party makes a step, or dies.
struct Turn {
  unsigned party;
  bool is_death;
};

/// Decides whatever an execution leaves open.
class Chooser {
 public:
  virtual ~Chooser() = default;

  /// Goes on to the next execution; false after the last.
  virtual bool next() = 0;
  /// Begins the present execution again.
  virtual void repeat() = 0;
  /// How to see the present execution again.
  virtual std::string describe() const = 0;
  /// Which of `count` visible stores a load reads: 0 is the newest.
  virtual unsigned pick_store(unsigned count) noexcept = 0;
  /// Whether something happens that seldom does, for no reason.
  virtual bool pick_surprise() noexcept = 0;
  virtual Turn pick_turn(const Situation& situation) noexcept = 0;
};

/// All executions within some bounds, depth first.
class Exhaustive : public Chooser {
 public:
  struct Bounds {
    unsigned preemptions = 2;  ///< turns taken from a party that could go on
    unsigned surprises = 2;    ///< loads of an old store, waits and swaps that end for nothing
    unsigned deaths = 1;
  };
  explicit Exhaustive(const Bounds& bounds) : bounds_(bounds) {}

  bool next() override;
  void repeat() override;
  std::string describe() const override;
  unsigned pick_store(unsigned count) noexcept override;
  bool pick_surprise() noexcept override;
  Turn pick_turn(const Situation& situation) noexcept override;

 private:
  struct Choice {
    std::uint8_t picked;
    std::uint8_t count;
  };
  unsigned pick(unsigned count) noexcept;

  Bounds bounds_;
  Bounds left_{};
  std::vector<Choice> path_;
  std::size_t depth_ = 0;
  bool is_first_ = true;
};

/// Executions drawn by lot; each depends on nothing but the seed and its number.
class Random : public Chooser {
 public:
  struct Options {
    std::uint64_t executions = 1'000'000;
    std::uint64_t seed = 1;
    std::uint64_t first = 0;  ///< number of the first execution
    unsigned deaths = 1;      ///< at most
    bool is_strong = false;   ///< no load reads an old store
  };
  explicit Random(const Options& options) : options_(options), number_(options.first) {}

  bool next() override;
  void repeat() override;
  std::string describe() const override;
  unsigned pick_store(unsigned count) noexcept override;
  bool pick_surprise() noexcept override;
  Turn pick_turn(const Situation& situation) noexcept override;

 private:
  std::uint64_t draw() noexcept;
  unsigned draw_member(Parties parties) noexcept;

  Options options_;
  std::uint64_t number_;
  std::uint64_t state_ = 0;
  unsigned constancy_ = 0;   // a party goes on with odds of this many bits
  unsigned death_step_ = 0;  // when somebody dies; 0: nobody does
  unsigned death_span_ = 0;  // among so many steps it is drawn
  unsigned deaths_ = 0;      // so far
  bool is_first_ = true;
};

}  // namespace shoal::model
