// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "model/explorer.hpp"
#include "model/kernel.hpp"
#include "model/platform.hpp"
#include "sync/participant.hpp"

namespace shoal::model {

/// A platform whose wakes are lost; for mutants.
struct Silent : Platform {
  static int wake(const Atomic<std::uint32_t>&, int) noexcept { return 0; }
};

/// A platform whose wakes say that there was nobody to wake; for mutants.
struct Forgetful : Platform {
  static int wake(const Atomic<std::uint32_t>& word, int count) noexcept {
    Platform::wake(word, count);
    return 0;
  }
};

/// Participants of one object, and the hub that repairs what the killed among them leave.
class SharedScenario : public Scenario {
 public:
  static constexpr unsigned kMost = 4;

  void prepare() override {
    has_ended_ = {};
    is_buried_ = {};
  }

 protected:
  /// Participant `id` is the party of that number, from 1 on. What waits for what may not come is
  /// looked at in check().
  void add_participant(std::string name, Fate fate, std::function<void(sync::ParticipantId)> body) {
    const auto id = static_cast<sync::ParticipantId>(++count_);
    const unsigned party = machine().add_party(std::move(name), fate, [this, id, body] {
      body(id);
      has_ended_[id] = true;
    });
    deaths_.push_back(Event::of_death(party));
  }
  /// After all participants. `repair` is called for each that was killed, `finish` when all have
  /// ended.
  void add_hub(
      std::function<void(sync::ParticipantId)> repair, std::function<void()> finish = [] {}) {
    repair_ = std::move(repair);
    finish_ = std::move(finish);
    machine().add_party("hub", Fate{.may_wait_on = true}, [this] { watch(); });
  }

  bool has_ended(sync::ParticipantId id) const noexcept { return has_ended_[id]; }
  bool is_dead(sync::ParticipantId id) { return machine().is_dead(id - 1U) && !has_ended_[id]; }

 private:
  void watch() {
    for (unsigned left = count_; left > 0; --left) {
      std::array<const Event*, kMost> awaited{};
      unsigned count = 0;
      for (unsigned id = 1; id <= count_; ++id) {
        if (!is_buried_[id]) awaited[count++] = &deaths_[id - 1];
      }
      wait_readable(std::span(awaited).first(count));
      for (unsigned id = 1; id <= count_; ++id) {
        if (is_buried_[id] || machine().read_kernel(deaths_[id - 1].location()) == 0) continue;
        is_buried_[id] = true;
        if (!has_ended_[id]) repair_(static_cast<sync::ParticipantId>(id));
        break;
      }
    }
    finish_();
  }

  unsigned count_ = 0;
  std::vector<Event> deaths_;
  std::function<void(sync::ParticipantId)> repair_;
  std::function<void()> finish_;
  std::array<bool, kMost + 1> has_ended_{};
  std::array<bool, kMost + 1> is_buried_{};
};

}  // namespace shoal::model
