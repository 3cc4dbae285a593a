// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "channel/chunks.hpp"
#include "channel/ring_recovery.hpp"
#include "model/explorer.hpp"
#include "model/kernel.hpp"
#include "model/ring_plans.hpp"
#include "model/ring_witness.hpp"

namespace shoal::model {

/// Processes that use a ring of chunks, one that recovers whoever dies while the others go on, and
/// one that looks at what is left when all have ended.
class RingScenario : public Scenario {
 public:
  explicit RingScenario(const RingPlan& plan) : plan_(plan) {
    name_words();
    const Fate fate{.is_mortal = plan.is_mortal};
    for (unsigned i = 0; i < plan.producers; ++i) {
      add_user("producer " + std::to_string(i + 1), fate, [this, i] { run_producer(i); });
    }
    for (unsigned i = 0; i < plan.consumers; ++i) {
      add_user("consumer " + std::to_string(i + 1), fate, [this] { run_consumer(); });
    }
    if (plan.closes) add_user("closer", fate, [this] { run_closer(); });
    if (plan.counts) add_user("counter", fate, [this] { run_counter(); });
    const unsigned recoverer = machine().add_party("recoverer", fate, [this] { run_recoverer(); });
    recoverer_death_.emplace(Event::of_death(recoverer));
    machine().add_party("auditor", Fate{}, [this] { run_auditor(); });
  }

  void prepare() override {
    witness_.reset(plan_.size, plan_.sabotage);
    RingWitness::current() = &witness_;
    has_ended_ = {};
    has_closed_ = false;
    received_ = {};
    for (auto& search : searches_) {
      search.next.store(0);
      search.window.store(64);
    }
  }

  std::string check() override {
    if (const char* remains = witness_.find_remains()) return remains;
    for (unsigned i = 0; i < witness_.got(); ++i) {
      const unsigned times = received_[witness_.message(i)];
      const bool is_taker_dead =
          witness_.taker(i) <= users_.size() && !has_ended_[witness_.taker(i)];
      if (times > 1) return "a message was got twice";
      if (times == 0 && !is_taker_dead) return "a message was lost";
    }
    return {};
  }

 private:
  using Ring = channel::Ring<Watched>;
  using Chunks = channel::Chunks<Watched>;
  using Passage = channel::Passage;
  static constexpr unsigned kMostChunks = 6;
  static constexpr std::size_t kStride = 128;  // a block of the model's plain bytes
  static constexpr std::size_t kShort = 8;
  static constexpr std::size_t kLong = 2 * (kStride - sizeof(channel::ChunkHead)) + 8;

  void name_words() {
    machine().name(tail_.location(), "tail");
    machine().name(head_.location(), "head");
    for (unsigned i = 0; i < plan_.size.cells; ++i) {
      cells_[i].role = Role::cell;
      cells_[i].index = i;
      machine().name(cells_[i].location(), "cell " + std::to_string(i));
    }
    for (unsigned i = 0; i < plan_.size.chunks; ++i) {
      owners_[i].role = Role::owner;
      owners_[i].index = i;
      machine().name(owners_[i].location(), "owner of chunk " + std::to_string(i));
    }
  }

  void add_user(const std::string& name, const Fate& fate, std::function<void()> body) {
    const unsigned party = machine().add_party(name, fate, [this, body] {
      body();
      has_ended_[self()] = true;
    });
    users_.push_back(Event::of_death(party));
  }

  sync::ParticipantId self() noexcept {
    return static_cast<sync::ParticipantId>(machine().running() + 1);
  }

  // --- users ------------------------------------------------------------------------------------

  void run_producer(unsigned number) {
    std::uint64_t known_head = 0;
    unsigned looks = plan_.looks;
    for (unsigned i = 0; i < plan_.messages; ++i) {
      const bool is_long = (plan_.long_ones >> i & 1) != 0;
      const unsigned message = 1 + number * plan_.messages + i;
      for (;;) {
        if (plan_.closes_by_flag && closed_.load(std::memory_order_acquire) != 0) return;
        const Passage passage = put(message, is_long, known_head);
        if (passage == Passage::closed) return;
        if (passage == Passage::done) break;
        if (looks-- == 0) return;
        Watched::relax();
      }
    }
  }

  Passage put(unsigned message, bool is_long, std::uint64_t& known_head) {
    std::array<std::byte, kLong> bytes;
    bytes.fill(static_cast<std::byte>(message));
    const auto part = std::span<const std::byte>(bytes).first(is_long ? kLong : kShort);
    const std::uint32_t first = chunks_.store(part, message, self(), searches_[self()]);
    if (first == Chunks::kNone) return Passage::no_room;
    witness_.will_put(first, message);
    const unsigned since = witness_.now();
    const Passage passage = ring_.put(first, known_head);
    if (passage == Passage::done) return passage;
    machine().expect(passage != Passage::closed || witness_.is_closed(), "there is no end");
    machine().expect(passage != Passage::no_room || !plan_.is_exact || witness_.was_full(since),
                     "there was always room");
    chunks_.release(first, self());
    return passage;
  }

  void run_consumer() {
    for (unsigned looks = plan_.looks;;) {
      const Passage passage = get();
      if (passage == Passage::closed) return;
      if (passage == Passage::done) continue;
      if (looks-- == 0) return;
      Watched::relax();
    }
  }

  Passage get() {
    const unsigned since = witness_.now();
    std::uint32_t first = 0;
    const Passage passage = ring_.get(self(), first);
    machine().expect(passage != Passage::empty || !plan_.is_exact || witness_.was_empty(since),
                     "there was always a message");
    machine().expect(passage != Passage::closed || witness_.put() == witness_.got(),
                     "the end came before the last message");
    if (passage == Passage::done) receive(first);
    return passage;
  }

  void receive(std::uint32_t first) {
    const unsigned message = witness_.last_taken(self());
    if (plan_.frees_before_read) chunks_.release(first, self());
    const channel::ChunkHead head = chunks_.head(first);
    machine().expect(head.token == message && (head.size == kShort || head.size == kLong),
                     "a message has another's head");
    std::array<std::byte, kLong> bytes;
    const auto part = std::span(bytes).first(head.size);
    machine().expect(chunks_.load(first, head, part), "a message does not hang together");
    for (const std::byte byte : part) {
      machine().expect(byte == static_cast<std::byte>(message), "a message is torn");
    }
    ++received_[message];
    if (plan_.frees_first_chunk_first) ring_.give_back(first, self());
    if (!plan_.frees_before_read) chunks_.release(first, self());
  }

  void run_closer() {
    if (plan_.closes_by_flag) {
      closed_.store(1, std::memory_order_release);
      witness_.flag_closed();
    } else {
      ring_.close();
      machine().expect(witness_.is_closed() && ring_.is_closed(), "what was closed is open");
    }
    has_closed_ = true;
  }

  void run_counter() {
    for (unsigned i = 0; i < 2; ++i) {
      const unsigned since = witness_.now();
      const auto [put, got] = ring_.count();
      machine().expect(put - got <= plan_.size.limit, "more are counted than there may be");
      machine().expect(!plan_.is_exact || witness_.has_stood(since, put, got),
                       "what was counted never was");
    }
  }

  // --- who recovers -----------------------------------------------------------------------------

  void run_recoverer() {
    for (Parties left = bit(static_cast<unsigned>(users_.size())) - 1; left != 0;) {
      std::array<const Event*, RingWitness::kMostParties> events;
      std::size_t count = 0;
      for (unsigned i = 0; i < users_.size(); ++i) {
        if ((left & bit(i)) != 0) events[count++] = &users_[i];
      }
      wait_readable(std::span(events.data(), count));
      for (unsigned i = 0; i < users_.size(); ++i) {
        if ((left & bit(i)) == 0 || machine().read_kernel(users_[i].location()) == 0) continue;
        left &= ~bit(i);
        if (!has_ended_[i + 1]) recover(i + 1);
      }
    }
  }

  void recover(unsigned dead) {
    witness_.bury(dead);
    witness_.set_recovering(true);
    if (plan_.recovers_links_at_once) free_links_of(dead);
    channel::RingRecovery<Watched> recovery(ring_);
    recovery.run(static_cast<sync::ParticipantId>(dead), [&](std::uint32_t, const Owner& owner) {
      machine().expect(owner.belongs_to(static_cast<sync::ParticipantId>(dead)),
                       "a living one's message is dropped");
    });
    witness_.set_recovering(false);
  }

  // As if what was put could still belong to who put it.
  void free_links_of(unsigned dead) {
    for (unsigned x = 0; x < plan_.size.chunks; ++x) {
      std::uint64_t seen = owners_[x].load(std::memory_order_acquire);
      const Owner link = Owner::unpack(seen);
      if (link.state != ChunkState::link) continue;
      const std::uint64_t first = owners_[link.ref].load(std::memory_order_acquire);
      if (!Owner::unpack(first).belongs_to(static_cast<sync::ParticipantId>(dead))) continue;
      const Owner free{link.version, 0, ChunkState::free};
      owners_[x].compare_exchange_strong(seen, free.pack(), std::memory_order_acq_rel,
                                         std::memory_order_relaxed);
    }
  }

  // Who recovers may have died over it: it is all done once more, and then everything works.
  void run_auditor() {
    for (const Event& death : users_) wait_readable({&death});
    wait_readable({&*recoverer_death_});
    for (unsigned i = 1; i <= users_.size(); ++i) {
      if (!has_ended_[i]) recover(i);
    }
    const auto [put, got] = ring_.count();
    machine().expect(put == witness_.put() && got == witness_.got(), "the count is wrong");
    const bool has_end = has_closed_ && !plan_.closes_by_flag;
    machine().expect(!has_end || ring_.is_closed(), "what was closed is open");
    drain();
    if (!plan_.closes) fill();
    drain();
  }

  void drain() {
    while (get() == Passage::done) {
    }
    machine().expect(witness_.put() == witness_.got(), "a message cannot be got");
  }

  void fill() {
    std::uint64_t known_head = 0;
    const unsigned most =
        plan_.size.limit < plan_.size.chunks ? plan_.size.limit : plan_.size.chunks;
    unsigned message = 1 + plan_.producers * plan_.messages;
    for (unsigned i = 0; i < most; ++i) {
      machine().expect(this->put(message++, false, known_head) == Passage::done,
                       "there is no room in an empty ring");
    }
    machine().expect(this->put(message, false, known_head) == Passage::no_room,
                     "there is too much room");
  }

  const RingPlan plan_;
  Watched::Atomic<std::uint64_t> tail_;
  Watched::Atomic<std::uint64_t> head_;
  std::array<Watched::Atomic<std::uint64_t>, 4> cells_;
  std::array<Watched::Atomic<std::uint64_t>, kMostChunks> owners_;
  Platform::Atomic<std::uint32_t> closed_;
  alignas(kStride) std::array<std::byte, kMostChunks * kStride> memory_{};
  Ring ring_{{&tail_, &head_, cells_.data(), owners_.data()}, plan_.size};
  Chunks chunks_{ring_, std::span(memory_).first(plan_.size.chunks* kStride), plan_.size.chunks};
  std::array<Chunks::Search, RingWitness::kMostParties> searches_;

  RingWitness witness_;
  std::vector<Event> users_;  // their deaths
  std::optional<Event> recoverer_death_;
  std::array<bool, RingWitness::kMostParties> has_ended_{};
  bool has_closed_ = false;
  std::array<unsigned, RingWitness::kMostMessages> received_{};
};

}  // namespace shoal::model
