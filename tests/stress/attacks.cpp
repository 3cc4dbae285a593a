// SPDX-License-Identifier: Apache-2.0
#include "stress/attacks.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <mutex>
#include <random>
#include <span>
#include <thread>

#include "metrics/black_box_layout.hpp"
#include "pool/parcel.hpp"
#include "pool/worker_memory.hpp"

namespace shoal::test {
namespace {

using namespace std::chrono_literals;
using namespace shoal::pool;
using Random = std::mt19937_64;
using Clock = std::chrono::steady_clock;

constexpr auto kPatience = 20ms;  // an attack that nobody has noticed until then ends by itself

struct SharedMap {
  std::span<std::byte> bytes;
  std::string name;   // "/memfd:shoal-gate (deleted)"
  std::string range;  // as in /proc/self/map_files
  bool is_writable;
};

// Every shared map of this process.
std::vector<SharedMap> shared_maps() {
  std::vector<SharedMap> maps;
  std::ifstream file("/proc/self/maps");
  for (std::string line; std::getline(file, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::array<char, 5> rights{};
    int name = 0;
    std::sscanf(line.c_str(), "%lx-%lx %4s %*s %*s %*s %n", &begin, &end, rights.data(), &name);
    if (rights[3] != 's') continue;
    maps.push_back({{reinterpret_cast<std::byte*>(begin), end - begin},
                    line.substr(static_cast<std::size_t>(name)),
                    line.substr(0, line.find(' ')),
                    rights[1] == 'w'});
  }
  return maps;
}

std::vector<SharedMap> writable_maps() {
  std::vector<SharedMap> maps = shared_maps();
  std::erase_if(maps, [](const SharedMap& map) { return !map.is_writable; });
  return maps;
}

template <class T>
T* find(const char* name) {
  for (const SharedMap& map : shared_maps()) {
    if (map.name.find(name) != std::string::npos) return reinterpret_cast<T*>(map.bytes.data());
  }
  std::fprintf(stderr, "no map of %s\n", name);
  ::_exit(kBreached);  // not where we think we are: the test fails
}

std::vector<int> descriptors_like(const char* target) {
  std::vector<int> fds;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const std::string points_at = std::filesystem::read_symlink(entry.path(), error).string();
    if (points_at.find(target) != std::string::npos) {
      fds.push_back(std::stoi(entry.path().filename().string()));
    }
  }
  return fds;
}

// The worker's own mailbox, seen from within.
struct Mailbox {
  SharedCompletions& completions = *find<SharedCompletions>("shoal-completions");
  SharedGate& gate = *find<SharedGate>("shoal-gate");
  const SharedSubmissions& submissions = *find<const SharedSubmissions>("shoal-submissions");
  metrics::BlackBox<sync::Hardware>& box =
      *find<metrics::BlackBox<sync::Hardware>>("shoal-black-box");
  // What is true while the attacking task runs.
  std::uint64_t collected = submissions.cq_head.load();
  std::uint64_t ticket = completions.taken.load();
  std::uint64_t gate_word = gate.word.load();
};

std::uint64_t odd_number(Random& random) {
  constexpr std::array<std::uint64_t, 8> kOdd{0,
                                              1,
                                              63,
                                              65,
                                              0x7fffffff,
                                              0x80000000,
                                              std::numeric_limits<std::int64_t>::max(),
                                              std::numeric_limits<std::uint64_t>::max()};
  const std::uint64_t number = random();
  return number % 3 == 0   ? kOdd[number / 3 % kOdd.size()]
         : number % 3 == 1 ? number
                           : number % 300'000;
}

// --- attacks: each makes one move ---------------------------------------------------------------

void make_noise(const std::vector<SharedMap>& maps, Random& random) {
  for (const SharedMap& map : maps) {
    for (int i = 0; i < 64; ++i) {
      const std::size_t at = random() % (map.bytes.size() / 8) * 8;
      const std::uint64_t word = random() | 1U << 30;
      std::memcpy(map.bytes.data() + at, &word, sizeof word);
    }
  }
}

void move_gate(Mailbox& mailbox, Random& random) {
  const GateValue value = GateValue::unpack(mailbox.gate_word);
  const auto step = [&] { return static_cast<std::uint32_t>(random() % 5) - 2; };
  mailbox.gate.word.store(GateValue{value.limit + step(), value.next + step()}.pack());
  if (random() % 50 == 0) mailbox.gate.word.store(random());
}

void move_tail(Mailbox& mailbox, Random& random) {
  // Never by one, where the next completion stands: that may be what an honest worker has written.
  std::uint64_t ahead = odd_number(random);
  if (ahead == 1) ahead = 2;
  mailbox.completions.cq_tail.store(mailbox.collected + (random() % 2 == 0 ? ahead : 0 - ahead));
}

Completion forgery(const Mailbox& mailbox, Random& random) {
  Completion forged;
  auto* const bytes = reinterpret_cast<unsigned char*>(&forged);
  std::generate_n(bytes, sizeof forged, [&] { return static_cast<unsigned char>(random()); });
  forged.ticket = mailbox.ticket + random() % 200 - 100;
  if (forged.ticket == mailbox.ticket) ++forged.ticket;  // its own it may complete as it likes
  forged.size = odd_number(random);
  forged.offset = static_cast<std::uint32_t>(odd_number(random));
  forged.place = static_cast<Place>(random() % 6);
  forged.outcome = static_cast<Outcome>(random() % 3);
  return forged;
}

void forge(Mailbox& mailbox, Random& random) {
  Completion& slot = mailbox.completions.completions[mailbox.collected % kDepth];
  const Completion forged = forgery(mailbox, random);
  std::memcpy(&slot, &forged, sizeof forged);
  mailbox.completions.cq_tail.store(mailbox.collected + 1, std::memory_order_release);
}

// Its own ticket, but nothing else that could be true.
void forge_impossible_result(Mailbox& mailbox, Random& random) {
  Completion& slot = mailbox.completions.completions[mailbox.collected % kDepth];
  Completion forged = forgery(mailbox, random);
  forged.ticket = mailbox.ticket;
  forged.items = 1;  // of a plain call
  std::memcpy(&slot, &forged, sizeof forged);
  mailbox.completions.cq_tail.store(mailbox.collected + 1, std::memory_order_release);
}

void change_words(SharedCompletions& words, Random& random) {
  // Not back to where its task had not begun: that is another attack.
  words.taken.store(words.taken.load() + odd_number(random) % 1000);
  words.started.store(static_cast<std::int64_t>(odd_number(random)));
  words.run_ticket.store(odd_number(random));
  words.run_offset.store(odd_number(random));
  words.progress.store(odd_number(random) << 32 | odd_number(random));
  words.sleeping.store(static_cast<std::uint32_t>(random()));
  words.spins.store(odd_number(random));
  words.resident.store(odd_number(random));
  words.polls.store(odd_number(random));
  words.report_ticket.store(odd_number(random));
  words.report.store(odd_number(random));
}

void roll_back(Mailbox& mailbox, Random& random) {
  mailbox.completions.taken.store(0);
  mailbox.gate.word.store(mailbox.gate_word - (std::uint64_t{1} << 32));  // next - 1
  if (random() % 2 == 0) ::_exit(1);
  std::this_thread::sleep_for(std::chrono::microseconds(random() % 300));
  forge(mailbox, random);
}

void write_black_box(metrics::BlackBox<sync::Hardware>& box, Random& random) {
  const std::span all(reinterpret_cast<std::byte*>(&box), sizeof box);
  for (int i = 0; i < 1000; ++i) {
    all[random() % all.size()] = static_cast<std::byte>(random());
  }
  box.crash.state = random() % 2 == 0 ? os::CrashReport::whole : os::CrashReport::at_signal;
  box.begin.store(random() % 2 == 0 ? 0 : odd_number(random) & ~std::uint64_t{7});
  box.end.store(odd_number(random) & ~std::uint64_t{7});
  if (random() % 20 == 0) ::raise(SIGSEGV);
}

// Nothing that belongs to the parent may be changed by any of this, nor shrink under its eyes.
void attack_file(int fd, bool is_ours) {
  constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  const bool is_shrunk = ::ftruncate(fd, 0) == 0 || ::ftruncate(fd, 100) == 0;
  const bool is_holed = ::fallocate(fd, kPunch, 0, 4096) == 0;
  const bool is_written = ::pwrite(fd, "x", 1, 0) == 1;
  if (!is_shrunk && (is_ours || (!is_holed && !is_written))) return;
  std::fprintf(stderr, "descriptor %d: %s%s%s, %s\n", fd, is_shrunk ? "shrunk " : "",
               is_holed ? "holed " : "", is_written ? "written" : "",
               std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(fd)).c_str());
  ::_exit(kBreached);
}

// A worker's own files are those it maps writable; what it may write it may punch holes into, too.
void attack_files(const std::vector<SharedMap>& maps) {
  const auto is_ours = [&](const std::string& name) {
    return std::ranges::any_of(
        maps, [&](const SharedMap& map) { return map.is_writable && map.name == name; });
  };
  for (const SharedMap& map : maps) {
    if (map.name.find("shoal-") == std::string::npos) continue;
    if (!map.is_writable && ::mprotect(map.bytes.data(), 4096, PROT_READ | PROT_WRITE) == 0) {
      ::_exit(kBreached);
    }
    const int fd = ::open(("/proc/self/map_files/" + map.range).c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) continue;  // without the right to
    attack_file(fd, is_ours(map.name));
    ::close(fd);
  }
  std::error_code error;
  for (const int own : descriptors_like("/memfd:shoal-")) {
    const std::string path = "/proc/self/fd/" + std::to_string(own);
    const bool ours = is_ours(std::filesystem::read_symlink(path, error).string());
    attack_file(own, ours);
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) continue;
    attack_file(fd, ours);
    ::close(fd);
  }
}

void flood(const std::vector<int>& sockets, std::uint64_t ticket, Random& random) {
  for (const int socket : sockets) {
    ParcelLabel label{random() % 2 == 0 ? kSegmentTicket : random() % (ticket + 100), 1,
                      static_cast<std::uint32_t>(odd_number(random)), odd_number(random),
                      odd_number(random)};
    const std::array files{0, socket, 0};
    const std::span some = std::span(files).first(random() % 4);
    static_cast<void>(send_parcel(socket, label, some, os::Wait::no));
    if (random() % 10 == 0) {
      ::send(socket, &label, random() % sizeof label, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
  }
}

void ring_all(const std::vector<int>& bells) {
  const std::uint64_t one = 1;
  for (const int bell : bells) {
    if (::write(bell, &one, sizeof one) < 0) continue;  // full: it rings
  }
}

// Brings back, word for word, what a dead worker had in its memory.
void replay(const std::vector<std::byte>& image, Mailbox& mailbox) {
  auto* const memory = reinterpret_cast<std::byte*>(&mailbox.completions);
  constexpr std::size_t kTail = sizeof(std::uint64_t);
  std::memcpy(memory + kTail, image.data() + kTail, image.size() - kTail);
  std::uint64_t tail = 0;
  std::memcpy(&tail, image.data(), sizeof tail);
  mailbox.completions.cq_tail.store(tail, std::memory_order_release);
  std::this_thread::sleep_for(100us);
  // And as if it were news.
  mailbox.completions.cq_tail.store(mailbox.collected + 1, std::memory_order_release);
}

std::vector<std::byte> exchange_image(int loot, const SharedCompletions& completions) {
  std::vector<std::byte> image(sizeof completions);
  const bool has_image =
      ::pread(loot, image.data(), image.size(), 0) == static_cast<ssize_t>(image.size());
  static_cast<void>(::pwrite(loot, &completions, sizeof completions, 0) < 0);
  return has_image ? image : std::vector<std::byte>();
}

// --- an attack ----------------------------------------------------------------------------------

template <class Move>
void repeat(Move move) {
  for (const auto end = Clock::now() + kPatience; Clock::now() < end;) move();
}

void attack_until_the_end(Attack how, Random& random, int loot) {
  Mailbox mailbox;
  switch (how) {
    case Attack::noise:
      return repeat([&, maps = writable_maps()] { make_noise(maps, random); });
    case Attack::gate:
      return repeat([&] { move_gate(mailbox, random); });
    case Attack::tails:
      return repeat([&] { move_tail(mailbox, random); });
    case Attack::forgeries:
      return repeat([&] {
        random() % 2 == 0 ? forge(mailbox, random) : forge_impossible_result(mailbox, random);
      });
    case Attack::words:
      return repeat([&] { change_words(mailbox.completions, random); });
    case Attack::rollback:
      return repeat([&] { roll_back(mailbox, random); });
    case Attack::black_box:
      return repeat([&] { write_black_box(mailbox.box, random); });
    case Attack::files:
      return repeat([&] { attack_files(shared_maps()); });
    case Attack::parcels:
      repeat(
          [&, sockets = descriptors_like("socket:")] { flood(sockets, mailbox.ticket, random); });
      return forge_impossible_result(mailbox, random);
    case Attack::bells:
      return repeat([bells = descriptors_like("pipe:")] { ring_all(bells); });
    case Attack::replay: {
      const std::vector<std::byte> image = exchange_image(loot, mailbox.completions);
      if (!image.empty()) repeat([&] { replay(image, mailbox); });
      return;
    }
  }
}

// Flips bytes of whatever this process has replied.
void flip_for_ever(std::uint64_t seed) {
  Random random(seed);
  auto& replies = find<SharedCompletions>("shoal-completions")->replies;
  for (;;) {
    std::vector<std::span<std::byte>> targets{std::span(replies)};
    for (const SharedMap& map : writable_maps()) {
      if (map.name.find("shoal-results") != std::string::npos) targets.push_back(map.bytes);
    }
    for (int i = 0; i < 100'000; ++i) {
      // Where the lengths are, more often than elsewhere.
      const std::span<std::byte> target = targets[random() % targets.size()];
      const std::size_t reach =
          random() % 2 == 0 ? target.size() : std::min<std::size_t>(target.size(), 512);
      std::atomic_ref byte(reinterpret_cast<unsigned char&>(target[random() % reach]));
      byte.fetch_xor(static_cast<unsigned char>(1U << random() % 8), std::memory_order_relaxed);
    }
  }
}

void begin_to_flip(std::uint64_t seed) {
  static std::once_flag once;
  std::call_once(once, [&] { std::thread(flip_for_ever, seed).detach(); });
}

}  // namespace

int attack(Attack how, std::uint64_t seed, const UniqueFd& loot) {
  std::thread attacker([&] {
    Random random(seed);
    attack_until_the_end(how, random, loot.get());
    ::_exit(1);
  });
  attacker.join();
  return 0;
}

int answer_unasked() {
  std::thread([mailbox = Mailbox()] {
    while (mailbox.submissions.cq_head.load() == mailbox.collected) continue;
    mailbox.completions.cq_tail.store(mailbox.collected + 5);
    for (;;) sync::Hardware::wake(*low_half(mailbox.completions.cq_tail), 1);
  }).detach();
  return 0;
}

std::vector<std::string> reply_and_flip(std::size_t bytes, std::uint64_t seed) {
  begin_to_flip(seed);
  return std::vector<std::string>(bytes / 100 + 1, std::string(90, 's'));
}

std::vector<std::uint64_t> reply_numbers_and_flip(std::size_t bytes, std::uint64_t seed) {
  begin_to_flip(seed);
  return std::vector<std::uint64_t>(bytes / 8, 8);
}

}  // namespace shoal::test
