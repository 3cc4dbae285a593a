// SPDX-License-Identifier: Apache-2.0
// A process is killed after every single machine instruction of what it does with a ring of chunks.
// What it left is recovered, with the product's own code: then the ring is what it was before, or
// after, whole; in between there is one instruction that changes one into the other.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <new>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "channel/chunks.hpp"
#include "channel/ring_recovery.hpp"
#include "step/stepped_child.hpp"
#include "support/sanitized.hpp"
#include "sync/hardware.hpp"

namespace shoal::channel {
namespace {

using sync::Hardware;
using sync::ParticipantId;

constexpr ParticipantId kVictim = 1;    // dies on its way
constexpr ParticipantId kSurvivor = 2;  // looks
constexpr ParticipantId kStopped = 3;   // has taken a message, and stands still
constexpr ParticipantId kLost = 4;      // was dead before

constexpr std::size_t kPayload = 16;
constexpr std::size_t kStride = kPayload + sizeof(ChunkHead);
constexpr std::uint32_t kChunks = 6;

struct Shared {
  std::atomic<std::uint64_t> tail;
  std::atomic<std::uint64_t> head;
  std::array<std::atomic<std::uint64_t>, 4> cells;
  std::array<std::atomic<std::uint64_t>, kChunks> owners;
  alignas(16) std::array<std::byte, kChunks * kStride> memory;
};

// A small letter is a message of one chunk, a capital one of three.
using Bytes = std::array<std::byte, 2 * kPayload + 8>;
std::size_t size_of(char letter) { return letter >= 'a' ? 8 : sizeof(Bytes); }
Bytes bytes_of(char letter) {
  Bytes bytes;
  bytes.fill(static_cast<std::byte>(letter));
  return bytes;
}
// Made beforehand: what the child executes is what the product does.
const Bytes kShort = bytes_of('a');
const Bytes kOther = bytes_of('b');
const Bytes kLong = bytes_of('A');

// A child has a copy of it all but for the shared memory, and dies.
class Scene {
  const RingSize size_;

 public:
  explicit Scene(const RingSize& size)
      : size_(size),
        shared(new (::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)) Shared()) {}
  ~Scene() { ::munmap(shared, sizeof(Shared)); }
  Scene(const Scene&) = delete;
  Scene& operator=(const Scene&) = delete;

  Passage put(const Bytes& bytes, ParticipantId self = kVictim) {
    const auto message = std::span<const std::byte>(bytes).first(size_of(char(bytes[0])));
    const std::uint32_t first = chunks.store(message, 0, self, search);
    if (first == Chunks<Hardware>::kNone) return Passage::no_room;
    const Passage passage = ring.put(first, known_head);
    if (passage != Passage::done) chunks.release(first, self);
    return passage;
  }
  Passage get(ParticipantId self = kVictim) {
    std::uint32_t first = 0;
    const Passage passage = ring.get(self, first);
    if (passage == Passage::done) receive(first, self);
    return passage;
  }
  void receive(std::uint32_t first, ParticipantId self) {
    chunk_head = chunks.head(first);
    is_whole = chunk_head.size <= sizeof into &&
               chunks.load(first, chunk_head, std::span(into).first(chunk_head.size));
    chunks.release(first, self);
  }
  void put_letter(char letter, ParticipantId self = kSurvivor) {
    EXPECT_EQ(put(bytes_of(letter), self), Passage::done);
  }
  void recover(ParticipantId dead) {
    RingRecovery<Hardware> recovery(ring);
    recovery.run(dead, [](std::uint32_t, const Owner&) {});
  }

  // The oldest message is taken by one who stands still right behind it.
  void take_and_stop(ParticipantId self) {
    const std::uint64_t head = shared->head.load();
    std::atomic<std::uint64_t>& word = shared->cells[head % size_.cells];
    Cell cell = Cell::unpack(word.load());
    EXPECT_EQ(cell.state, CellState::full);
    cell.state = CellState::taken;
    cell.taker = self;
    word.store(cell.pack());
  }

  std::string drain() {
    std::string letters;
    for (Passage passage;;) {
      passage = get(kSurvivor);
      if (passage == Passage::closed) return letters + ".";
      if (passage != Passage::done) return letters;
      const char letter = static_cast<char>(into[0]);
      EXPECT_TRUE(is_whole && chunk_head.size == size_of(letter));
      EXPECT_TRUE(
          std::equal(into.begin(), into.begin() + chunk_head.size, bytes_of(letter).begin()));
      letters += letter;
    }
  }

  // What belongs to whom: nothing to the dead but what is in a cell.
  void expect_owners(ParticipantId dead) {
    for (const auto& word : shared->owners) {
      Owner owner = Owner::unpack(word.load());
      const auto* first = &word;
      if (owner.state == ChunkState::link) {
        first = &shared->owners[owner.ref];
        owner = Owner::unpack(first->load());
        EXPECT_NE(owner.state, ChunkState::free) << "a chunk is linked to nothing";
      }
      if (!owner.belongs_to(dead)) continue;
      EXPECT_TRUE(is_in_cell(first - shared->owners.data())) << "a dead one's chunk is lost";
    }
    for (const auto& word : shared->cells) {
      const Cell cell = Cell::unpack(word.load());
      if (cell.state != CellState::full) continue;
      const Owner owner = Owner::unpack(shared->owners[cell.chunk].load());
      EXPECT_EQ(owner.state, ChunkState::owned) << "a chunk is free while it is in a cell";
    }
  }
  // The last one is gone, too.
  void expect_all_free() {
    for (const auto& word : shared->owners) {
      EXPECT_EQ(Owner::unpack(word.load()).state, ChunkState::free);
    }
  }
  // The one who stopped goes on: it has its message, whole.
  void go_on(char letter) {
    for (std::uint32_t x = 0; x < kChunks; ++x) {
      const Owner owner = Owner::unpack(shared->owners[x].load());
      if (!owner.belongs_to(kStopped)) continue;
      EXPECT_EQ(owner.state, ChunkState::read);
      receive(x, kStopped);
      EXPECT_TRUE(is_whole && into[0] == static_cast<std::byte>(letter));
    }
  }

  Shared* const shared;
  Ring<Hardware> ring{{&shared->tail, &shared->head, shared->cells.data(), shared->owners.data()},
                      size_};
  Chunks<Hardware> chunks{ring, shared->memory, kChunks};
  Chunks<Hardware>::Search search;
  std::uint64_t known_head = 0;
  ChunkHead chunk_head{};
  Bytes into{};
  bool is_whole = false;

 private:
  bool is_in_cell(std::ptrdiff_t chunk) {
    return std::ranges::any_of(shared->cells, [&](const auto& word) {
      const Cell cell = Cell::unpack(word.load());
      return cell.state == CellState::full && cell.chunk == chunk;
    });
  }
};

// One operation, and what it may leave: the messages that can still be got, `.` for the end.
struct Operation {
  std::string name;
  RingSize size;
  std::function<void(Scene&)> prepare;  // in this process, before the child is forked
  std::function<void(Scene&)> act;      // in the child, which dies on its way through
  std::vector<std::string> states;      // the possible ones, in this order
  ParticipantId dead = kVictim;
  char stopped = 0;  // what the stopped one has taken
};

void PrintTo(const Operation& operation, std::ostream* out) { *out << operation.name; }

constexpr RingSize kTwo{.cells = 2, .limit = 1, .chunks = kChunks};
constexpr RingSize kFour{.cells = 4, .limit = 3, .chunks = kChunks};

void skip(Scene&) {}
void put_short(Scene& scene) { scene.put(kShort); }
void put_long(Scene& scene) { scene.put(kLong); }
void get_one(Scene& scene) { scene.get(); }

// Once round the ring, and the first cell's taker still stands where it took.
void stop_a_taker(Scene& scene) {
  scene.put_letter('z');
  scene.take_and_stop(kStopped);
  scene.put_letter('y');
  EXPECT_EQ(scene.drain(), "y");
}

// One of each: a message that was put, one that was taken, one that was not put yet.
void leave_an_estate(Scene& scene) {
  scene.put_letter('z', kSurvivor);
  scene.take_and_stop(kLost);
  scene.put_letter('a', kLost);
  EXPECT_NE(scene.chunks.store(kLong, 0, kLost, scene.search), Chunks<Hardware>::kNone);
}

std::vector<Operation> operations() {
  const auto put_letters = [](std::string letters) {
    return [=](Scene& scene) {
      for (const char letter : letters) scene.put_letter(letter);
    };
  };
  const auto put_get_put = [](Scene& scene) {
    scene.put(kShort);
    scene.get();
    scene.put(kOther);
  };
  const auto go_round = [=](Scene& scene) {
    for (int i = 0; i < 3; ++i) {
      scene.put_letter('x');
      EXPECT_EQ(scene.drain(), "x");
    }
  };
  return {
      {"put", kFour, skip, put_short, {"", "a"}},
      {"put_behind_others", kFour, put_letters("xY"), put_short, {"xY", "xYa"}},
      {"put_of_a_long_one", kFour, skip, put_long, {"", "A"}},
      {"put_where_there_is_no_room", kTwo, put_letters("x"), put_long, {"x"}},
      {"put_where_there_are_no_chunks", kFour, put_letters("XY"), put_long, {"XY"}},
      {"get", kFour, put_letters("xy"), get_one, {"xy", "y"}},
      {"get_of_a_long_one", kFour, put_letters("Xy"), get_one, {"Xy", "y"}},
      {"get_of_nothing", kFour, skip, get_one, {""}},
      {"put_get_put", kTwo, go_round, put_get_put, {"", "a", "", "b"}},
      {"put_that_helps_a_stopped_taker", kTwo, stop_a_taker, put_short, {"", "a"}, kVictim, 'z'},
      {"get_behind_a_stopped_taker",
       kFour,
       [](Scene& scene) {
         scene.put_letter('z');
         scene.put_letter('y');
         scene.take_and_stop(kStopped);
       },
       get_one,
       {"y", ""},
       kVictim,
       'z'},
      {"close", kFour, put_letters("x"), [](Scene& scene) { scene.ring.close(); }, {"x", "x."}},
      {"close_that_helps_a_stopped_taker",
       kTwo,
       stop_a_taker,
       [](Scene& scene) { scene.ring.close(); },
       {"", "."},
       kVictim,
       'z'},
      {"recover", kFour, leave_an_estate, [](Scene& scene) { scene.recover(kLost); }, {"a"}, kLost},
  };
}

class RingStepTest : public testing::TestWithParam<Operation> {
 protected:
  // What is left of the operation when it is killed behind so many instructions.
  std::string state_after(int instructions) {
    const Operation& operation = GetParam();
    Scene scene(operation.size);
    operation.prepare(scene);
    executed_ = test::step_and_kill([&] { operation.act(scene); }, instructions);
    scene.recover(operation.dead);
    scene.expect_owners(operation.dead);
    const auto [put, got] = scene.ring.count();
    const bool is_closed = scene.ring.is_closed();
    const std::string state = scene.drain();
    EXPECT_EQ(put - got, state.size() - (is_closed ? 1 : 0));
    if (!is_closed) expect_use(scene);
    if (operation.stopped != 0) scene.go_on(operation.stopped);
    scene.expect_all_free();
    return state;
  }

  // Twice round: whoever stopped is helped.
  void expect_use(Scene& scene) {
    for (std::uint32_t i = 0; i < 2 * GetParam().size.cells; ++i) {
      scene.put_letter('Z');
      EXPECT_EQ(scene.drain(), "Z");
    }
  }

  int executed_ = 0;
};

TEST_P(RingStepTest, LeavesOneOfItsStatesWhateverTheInstruction) {
  if (test::kIsSanitized) GTEST_SKIP() << "most instructions would be the sanitizer's";
  if (!test::can_step()) GTEST_SKIP() << "this process may not step through its children";
  const std::vector<std::string>& states = GetParam().states;
  std::vector<int> counts(states.size());
  std::size_t at = 0;
  int points = 0;
  {
    Scene first(GetParam().size);  // what the linker binds at the first call is bound here
    GetParam().prepare(first);
    GetParam().act(first);
  }
  EXPECT_EQ(state_after(test::kToTheEnd), states.back());
  const int all = executed_;
  for (; points <= all && !HasFailure(); ++points) {
    const std::string state = state_after(points);
    ASSERT_EQ(executed_, points);
    if (state != states[at] && at + 1 < states.size()) ++at;
    EXPECT_EQ(state, states[at]) << "behind instruction " << points << " of " << all;
    ++counts[at];
  }
  EXPECT_GT(std::ranges::min(counts), 0) << "a state was never seen";
  std::printf("%s: %d points:", GetParam().name.c_str(), points);
  for (std::size_t i = 0; i < states.size(); ++i) {
    std::printf(" '%s' %d", states[i].c_str(), counts[i]);
  }
  std::printf("\n");
}

INSTANTIATE_TEST_SUITE_P(, RingStepTest, testing::ValuesIn(operations()),
                         [](const auto& operation) { return operation.param.name; });

}  // namespace
}  // namespace shoal::channel
