// SPDX-License-Identifier: Apache-2.0
// The machine itself: what it lets parties see, and what it does not.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/explorer.hpp"
#include "model/kernel.hpp"
#include "model/platform.hpp"

namespace shoal::model {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr auto kAcquire = std::memory_order_acquire;
constexpr auto kRelease = std::memory_order_release;

using Word = Platform::Atomic<std::uint32_t>;

/// A few parties on two words and a block of plain bytes; what each of them found is put in a word
/// of the outcome.
class Litmus : public Scenario {
 public:
  using Body = std::function<void(Litmus&)>;

  Litmus(std::initializer_list<Body> parties) {
    for (const Body& body : parties) {
      machine().add_party("party", Fate{}, [this, body] { body(*this); });
    }
  }

  void prepare() override { found.fill('-'); }
  std::string check() override {
    outcomes.insert(std::string(found.begin(), found.end()));
    return {};
  }

  /// All outcomes of all executions; the failure, if one fails.
  std::string run(unsigned bound = 5) {
    Exhaustive chooser({.preemptions = bound, .surprises = bound});
    const Findings findings = explore(*this, chooser);
    return findings.failure.substr(0, findings.failure.find('\n'));
  }

  static char digit(std::uint32_t value) { return static_cast<char>('0' + value); }

  Word x;
  Word y;
  alignas(128) std::array<std::byte, 128> plain{};
  std::array<char, 4> found{};
  std::set<std::string> outcomes;
};

using Outcomes = std::set<std::string>;

TEST(ModelMachineTest, ReordersAStoreAndALoad) {
  Litmus litmus{[](Litmus& l) {
                  l.x.store(1, kRelease);
                  l.found[0] = Litmus::digit(l.y.load(kAcquire));
                },
                [](Litmus& l) {
                  l.y.store(1, kRelease);
                  l.found[1] = Litmus::digit(l.x.load(kAcquire));
                }};
  EXPECT_EQ(litmus.run(), "");
  EXPECT_EQ(litmus.outcomes, (Outcomes{"00--", "01--", "10--", "11--"}));
}

TEST(ModelMachineTest, KeepsAStoreAndALoadInOrderAcrossFences) {
  Litmus litmus{[](Litmus& l) {
                  l.x.store(1, kRelaxed);
                  Platform::fence();
                  l.found[0] = Litmus::digit(l.y.load(kRelaxed));
                },
                [](Litmus& l) {
                  l.y.store(1, kRelaxed);
                  Platform::fence();
                  l.found[1] = Litmus::digit(l.x.load(kRelaxed));
                }};
  EXPECT_EQ(litmus.run(), "");
  EXPECT_EQ(litmus.outcomes, (Outcomes{"01--", "10--", "11--"}));
}

Litmus::Body send(std::memory_order order) {
  return [order](Litmus& l) {
    l.x.store(1, kRelaxed);
    l.y.store(1, order);
  };
}
Litmus::Body receive(std::memory_order order) {
  return [order](Litmus& l) {
    l.found[0] = Litmus::digit(l.y.load(order));
    l.found[1] = Litmus::digit(l.x.load(kRelaxed));
  };
}

TEST(ModelMachineTest, PassesAMessageByReleaseAndAcquireOnly) {
  const Outcomes in_order{"00--", "01--", "11--"};
  const Outcomes any{"00--", "01--", "10--", "11--"};
  for (const bool releases : {false, true}) {
    for (const bool acquires : {false, true}) {
      Litmus litmus{send(releases ? kRelease : kRelaxed), receive(acquires ? kAcquire : kRelaxed)};
      EXPECT_EQ(litmus.run(), "");
      EXPECT_EQ(litmus.outcomes, releases && acquires ? in_order : any);
    }
  }
}

TEST(ModelMachineTest, PassesAMessageThroughAReleaseSequence) {
  Litmus litmus{send(kRelease), [](Litmus& l) { l.y.fetch_add(2, kRelaxed); }, receive(kAcquire)};
  EXPECT_EQ(litmus.run(), "");
  EXPECT_EQ(litmus.outcomes.count("30--"), 0U);
  EXPECT_EQ(litmus.outcomes.count("31--"), 1U);
}

TEST(ModelMachineTest, LetsTwoReadersDisagreeAboutTwoWriters) {
  const auto write_x = [](Litmus& l) { l.x.store(1, kRelease); };
  const auto write_y = [](Litmus& l) { l.y.store(1, kRelease); };
  const auto read_both = [](bool has_fence, int first) {
    return [=](Litmus& l) {
      const auto at = static_cast<std::size_t>(2 * first);
      l.found[at] = Litmus::digit((first == 0 ? l.x : l.y).load(kAcquire));
      if (has_fence) Platform::fence();
      l.found[at + 1] = Litmus::digit((first == 0 ? l.y : l.x).load(kAcquire));
    };
  };
  Litmus without{write_x, write_y, read_both(false, 0), read_both(false, 1)};
  EXPECT_EQ(without.run(), "");
  EXPECT_EQ(without.outcomes.count("1010"), 1U);
  Litmus with{write_x, write_y, read_both(true, 0), read_both(true, 1)};
  EXPECT_EQ(with.run(), "");
  EXPECT_EQ(with.outcomes.count("1010"), 0U);
}

TEST(ModelMachineTest, NeverShowsAnOlderStoreAfterANewerOne) {
  Litmus litmus{[](Litmus& l) {
                  l.x.store(1, kRelaxed);
                  l.x.store(2, kRelaxed);
                },
                [](Litmus& l) {
                  for (char& found : l.found) found = Litmus::digit(l.x.load(kRelaxed));
                }};
  EXPECT_EQ(litmus.run(), "");
  EXPECT_EQ(litmus.outcomes.size(), 15U);  // the words of four letters that do not fall
  for (const std::string& outcome : litmus.outcomes) {
    EXPECT_TRUE(std::is_sorted(outcome.begin(), outcome.end())) << outcome;
  }
}

TEST(ModelMachineTest, HasNoLoadBuffering) {  // README.md: what is not modelled
  Litmus litmus{[](Litmus& l) {
                  l.found[0] = Litmus::digit(l.x.load(kRelaxed));
                  l.y.store(1, kRelaxed);
                },
                [](Litmus& l) {
                  l.found[1] = Litmus::digit(l.y.load(kRelaxed));
                  l.x.store(1, kRelaxed);
                }};
  EXPECT_EQ(litmus.run(), "");
  EXPECT_EQ(litmus.outcomes, (Outcomes{"00--", "01--", "10--"}));
}

TEST(ModelMachineTest, SwapsWeakly) {
  Litmus litmus{[](Litmus& l) {
    std::uint32_t expected = 0;
    const bool is_done = l.x.compare_exchange_weak(expected, 1, kRelease, kRelaxed);
    l.found = {is_done ? 's' : 'f', Litmus::digit(expected), '-', '-'};
  }};
  EXPECT_EQ(litmus.run(), "");
  EXPECT_EQ(litmus.outcomes, (Outcomes{"f0--", "s0--"}));
}

TEST(ModelMachineTest, SwapsOneOfTwo) {
  const auto swap = [](std::size_t at) {
    return [=](Litmus& l) {
      std::uint32_t expected = 0;
      const bool is_done = l.x.compare_exchange_strong(expected, 1, kRelease, kRelaxed);
      l.found[at] = is_done ? 's' : 'f';
    };
  };
  Litmus litmus{swap(0), swap(1)};
  EXPECT_EQ(litmus.run(), "");
  EXPECT_EQ(litmus.outcomes, (Outcomes{"sf--", "fs--"}));
}

TEST(ModelMachineTest, FindsRacesOfPlainBytes) {
  const auto write = [](std::memory_order order) {
    return [=](Litmus& l) {
      const std::byte one{1};
      Platform::write(l.plain.data(), &one, 1);
      l.y.store(1, order);
    };
  };
  const auto read = [](Litmus& l) {
    std::byte copy{};
    if (l.y.load(kAcquire) == 1) Platform::read(&copy, l.plain.data(), 1);
  };
  EXPECT_EQ((Litmus{write(kRelease), read}).run(), "");
  EXPECT_EQ((Litmus{write(kRelaxed), read}).run(), "a plain read races with another access");
}

TEST(ModelMachineTest, LosesNoWakeOfAFutex) {
  const auto sleep = [](Litmus& l) {
    while (l.x.load(kRelaxed) == 0) Platform::wait(l.x, 0, base::Deadline::never());
  };
  const auto wake = [](Litmus& l) {
    l.x.store(1, kRelaxed);
    Platform::wake(l.x, 1);
  };
  EXPECT_EQ((Litmus{sleep, wake}).run(), "");
  const auto store_only = [](Litmus& l) { l.x.store(1, kRelaxed); };
  EXPECT_EQ((Litmus{sleep, store_only}).run(), "party sleeps for ever");
}

TEST(ModelMachineTest, ComesToAnEndOfPolling) {
  const auto poll = [](Litmus& l) {
    while (l.x.load(kRelaxed) == 0) Platform::relax();
  };
  const auto store = [](Litmus& l) { l.x.store(1, kRelaxed); };
  EXPECT_EQ((Litmus{poll, poll, store}).run(2), "");
}

/// A party that stores twice and may die at any step; another that waits for its death.
class Death : public Scenario {
 public:
  Death() {
    const unsigned victim = machine().add_party("victim", Fate{.is_mortal = true}, [this] {
      x.store(1, kRelaxed);
      x.store(2, kRelaxed);
    });
    machine().add_party("witness", Fate{}, [this] {
      early = x.load(kRelaxed);
      wait_readable({&*death});
      late = x.load(kRelaxed);
    });
    death.emplace(Event::of_death(victim));
  }
  void prepare() override {}
  std::string check() override {
    outcomes.emplace(early, late);
    return {};
  }

  Word x;
  std::optional<Event> death;
  std::uint32_t early = 0;
  std::uint32_t late = 0;
  std::set<std::pair<std::uint32_t, std::uint32_t>> outcomes;
};

TEST(ModelMachineTest, KillsAtEachStepAndKeepsWhatWasStored) {
  Death death;
  Exhaustive chooser({.preemptions = 4, .surprises = 4, .deaths = 1});
  const Findings findings = explore(death, chooser);
  EXPECT_EQ(findings.failure, "");
  EXPECT_TRUE(findings.is_complete);
  const std::set<std::pair<std::uint32_t, std::uint32_t>> expected{{0, 0}, {0, 1}, {0, 2},
                                                                   {1, 1}, {1, 2}, {2, 2}};
  EXPECT_EQ(death.outcomes, expected);
}

TEST(ModelMachineTest, RepeatsARandomExecutionByItsNumber) {
  Litmus all{send(kRelaxed), receive(kRelaxed)};
  std::vector<std::string> first;
  Random chooser({.executions = 100, .seed = 7});
  while (chooser.next()) {
    all.machine().reset();
    all.prepare();
    all.machine().run(chooser);
    first.emplace_back(all.found.begin(), all.found.end());
  }
  Random one({.executions = 1, .seed = 7, .first = 57});
  ASSERT_TRUE(one.next());
  all.machine().reset();
  all.prepare();
  all.machine().run(one);
  EXPECT_EQ(std::string(all.found.begin(), all.found.end()), first.at(57));
  EXPECT_EQ((std::set<std::string>(first.begin(), first.end())).size(), 4U);
}

}  // namespace
}  // namespace shoal::model
