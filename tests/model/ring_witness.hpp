// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "channel/ring.hpp"
#include "model/platform.hpp"

namespace shoal::model {

using channel::Cell;
using channel::CellState;
using channel::ChunkState;
using channel::Owner;

/// What one of a ring's words is.
enum class Role : std::uint8_t { position, cell, owner };

/// What is wrong with the ring's own steps; for mutants.
struct Sabotage {
  bool publishes_relaxed = false;
  bool frees_relaxed = false;
  bool keeps_versions = false;       ///< a chunk that is claimed has the word it had before
  bool empties_before_read = false;  ///< a cell is emptied, its chunk not yet its taker's
  bool recovers_blind = false;       ///< who recovers sees no cell
};

/// Sees each change of a ring's words in the step that makes it, keeps what has happened in their
/// order, and fails the execution at the first change that breaks an invariant.
class RingWitness {
 public:
  static constexpr unsigned kMostMessages = 48;
  static constexpr unsigned kMostParties = 16;

  static RingWitness*& current() noexcept {
    static RingWitness* current = nullptr;
    return current;
  }

  void reset(const channel::RingSize& size, const Sabotage& sabotage) noexcept {
    *this = {};
    size_ = size;
    sabotage_ = sabotage;
  }

  /// A chunk's first byte belongs to a message that its owner is about to put.
  void will_put(std::uint32_t chunk, unsigned message) noexcept { in_chunk_[chunk] = message; }
  /// A participant was killed.
  void bury(unsigned participant) noexcept { is_dead_[participant] = true; }
  void flag_closed() noexcept { is_closed_ = true; }
  void set_recovering(bool is_recovering) noexcept {
    recovering_ = is_recovering ? Machine::current().running() + 1 : 0;
  }

  unsigned put() const noexcept { return put_; }
  unsigned got() const noexcept { return got_; }
  bool is_closed() const noexcept { return is_closed_; }
  unsigned message(unsigned position) const noexcept { return order_[position]; }
  unsigned taker(unsigned position) const noexcept { return takers_[position]; }
  /// What the running participant took last.
  unsigned last_taken(unsigned participant) const noexcept { return taken_[participant]; }

  /// How often messages were put or got so far: names a moment.
  unsigned now() const noexcept { return put_ + got_; }
  bool was_full(unsigned since) const noexcept {
    for (unsigned at = since; at <= now(); ++at) {
      if (2 * put_at_[at] - at == size_.limit) return true;
    }
    return false;
  }
  bool was_empty(unsigned since) const noexcept {
    for (unsigned at = since; at <= now(); ++at) {
      if (2 * put_at_[at] == at) return true;
    }
    return false;
  }
  bool has_stood(unsigned since, std::uint64_t put, std::uint64_t got) const noexcept {
    const std::uint64_t at = put + got;
    return at >= since && at <= now() && put_at_[at] == put;
  }

  // --- for Watched ------------------------------------------------------------------------------

  void sabotage(Role role, std::uint64_t expected, std::uint64_t& desired,
                std::memory_order& order) const noexcept {
    if (role == Role::cell && sabotage_.publishes_relaxed &&
        Cell::unpack(desired).state == CellState::full) {
      order = std::memory_order_acquire;
    }
    if (role != Role::owner) return;
    Owner owner = Owner::unpack(desired);
    if (sabotage_.frees_relaxed && owner.state == ChunkState::free) {
      order = std::memory_order_relaxed;
    }
    if (sabotage_.keeps_versions && owner.state == ChunkState::owned) {
      owner.version = Owner::unpack(expected).version;
      desired = owner.pack();
    }
  }
  bool is_blind(Role role) const noexcept {
    return sabotage_.recovers_blind && role == Role::cell &&
           recovering_ == Machine::current().running() + 1;
  }
  /// A step that a mutant leaves out.
  bool is_left_out(Role role, std::uint64_t desired) const noexcept {
    return sabotage_.empties_before_read && role == Role::owner &&
           Owner::unpack(desired).state == ChunkState::read;
  }

  void changed(Role role, unsigned index, std::uint64_t before, std::uint64_t after) noexcept {
    if (role == Role::cell) {
      cells_[index] = Cell::unpack(after);
      cell_changed(index, Cell::unpack(before), Cell::unpack(after));
    } else if (role == Role::owner) {
      owners_[index] = Owner::unpack(after);
      owner_changed(index, Owner::unpack(before), Owner::unpack(after));
    }
  }

  /// After the last step: what a ring without messages and users looks like.
  const char* find_remains() const noexcept {
    if (put_ != got_) return "a message was not got";
    for (unsigned x = 0; x < size_.chunks; ++x) {
      if (owners_[x].state != ChunkState::free) return "a chunk is lost";
    }
    for (unsigned i = 0; i < size_.cells; ++i) {
      if (cells_[i].state == CellState::full || cells_[i].state == CellState::taken) {
        return "a cell is not empty";
      }
    }
    return nullptr;
  }

 private:
  void expect(bool is_true, const char* fact) const noexcept {
    Machine::current().expect(is_true, fact);
  }

  void cell_changed(unsigned index, const Cell& before, const Cell& after) noexcept {
    if (after.state == CellState::full) {
      expect(!is_closed_, "a message was put after the end");
      expect(is_at(put_, index, after), "a message was put in a wrong place");
      order_[put_++] = in_chunk_[after.chunk];
      put_at_[now()] = put_;
      expect(put_ - got_ <= size_.limit, "there are more messages than the limit");
    } else if (after.state == CellState::taken) {
      expect(is_at(got_, index, after) && before.state == CellState::full,
             "a message was got out of its turn");
      taken_[after.taker] = order_[got_];
      takers_[got_++] = after.taker;
      put_at_[now()] = put_;
    } else if (after.state == CellState::closed) {
      expect(!is_closed_ && is_at(put_, index, after), "the end is in a wrong place");
      is_closed_ = true;
    } else {
      const Owner& owner = owners_[before.chunk];
      expect(owner.state == ChunkState::read && owner.ref == before.taker,
             "a cell is empty before its chunk is its taker's");
    }
  }

  void owner_changed(unsigned x, const Owner& before, const Owner& after) const noexcept {
    if (after.state == ChunkState::read) {
      expect(find_cell(x, CellState::taken) == after.ref, "a chunk was given to who did not take");
    } else if (after.state == ChunkState::link) {
      expect(owners_[after.ref].state == ChunkState::owned, "a chunk is linked to nothing");
    } else if (after.state == ChunkState::free && before.state == ChunkState::link) {
      expect(!is_in_cell(before.ref), "a part of a message was freed while it was there");
      expect(is_mine(owners_[before.ref]), "a part of somebody's message was freed");
    } else if (after.state == ChunkState::free) {
      expect(!is_in_cell(x), "a message was freed while it was there");
      expect(is_mine(before), "somebody's chunk was freed");
      for (unsigned i = 0; i < size_.chunks; ++i) {
        expect(owners_[i].state != ChunkState::link || owners_[i].ref != x,
               "a chunk was freed before what is linked to it");
      }
    }
  }

  bool is_at(unsigned position, unsigned index, const Cell& cell) const noexcept {
    return position < kMostMessages && index == position % size_.cells &&
           cell.cycle == position / size_.cells;
  }
  bool is_mine(const Owner& owner) const noexcept {
    const bool is_somebodys = owner.belongs_to(owner.ref);
    return is_somebodys && (owner.ref == Machine::current().running() + 1 || is_dead_[owner.ref]);
  }
  /// The taker named in the cell that holds `x`; none: ~0.
  unsigned find_cell(unsigned x, CellState state) const noexcept {
    for (unsigned i = 0; i < size_.cells; ++i) {
      if (cells_[i].state == state && cells_[i].chunk == x) return cells_[i].taker;
    }
    return ~0U;
  }
  bool is_in_cell(unsigned x) const noexcept {
    return find_cell(x, CellState::full) != ~0U || find_cell(x, CellState::taken) != ~0U;
  }

  channel::RingSize size_;
  Sabotage sabotage_;
  unsigned put_ = 0;
  unsigned got_ = 0;
  bool is_closed_ = false;
  unsigned recovering_ = 0;
  std::array<Cell, 4> cells_{};
  std::array<Owner, 8> owners_{};
  std::array<unsigned, 8> in_chunk_{};
  std::array<unsigned, kMostMessages> order_{};
  std::array<unsigned, kMostMessages> takers_{};
  std::array<unsigned, 2 * kMostMessages + 1> put_at_{};
  std::array<unsigned, kMostParties> taken_{};
  std::array<bool, kMostParties> is_dead_{};
};

/// The model of a machine, with a witness.
struct Watched : Platform {
  template <class T>
  class Atomic : public Platform::Atomic<T> {
    using Base = Platform::Atomic<T>;

   public:
    Role role = Role::position;
    unsigned index = 0;

    T load(std::memory_order order) const noexcept {
      const T seen = Base::load(order);
      return RingWitness::current()->is_blind(role) ? T{} : seen;
    }
    void store(T value, std::memory_order order) noexcept {
      const T before = Machine::current().memory().newest(this->location());
      Base::store(value, order);
      RingWitness::current()->changed(role, index, before, value);
    }
    bool compare_exchange_strong(T& expected, T desired, std::memory_order success,
                                 std::memory_order failure) noexcept {
      RingWitness& witness = *RingWitness::current();
      const T before = expected;
      witness.sabotage(role, before, desired, success);
      if (witness.is_left_out(role, desired)) return true;
      if (!Base::compare_exchange_strong(expected, desired, success, failure)) return false;
      witness.changed(role, index, before, desired);
      return true;
    }
  };
};

}  // namespace shoal::model
