// SPDX-License-Identifier: Apache-2.0
// shoal-bench-openmpi <measurement> full|quick: two ranks of OpenMPI do what S5 and S6 ask of two
// processes, each bound to a CPU of its own, and the first prints the figure as a JSON list.
#include <mpi.h>

#include <cstdint>
#include <cstdio>
#include <string>

#include "host.hpp"
#include "queues.hpp"

namespace bench {
namespace {

constexpr int kTag = 0;

void put(const Message& message, int rank) {
  MPI_Send(message.data(), sizeof message, MPI_BYTE, rank, kTag, MPI_COMM_WORLD);
}

Message get(int rank) {
  Message message;
  MPI_Recv(message.data(), sizeof message, MPI_BYTE, rank, kTag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  return message;
}

// The first rank: messages 1 to `step`, 1 to `step` + 1 the next time; the last of each comes back.
class Sender {
 public:
  explicit Sender(std::uint64_t step) : step_(step) { put({step}, 1); }
  ~Sender() { put({kEnd}, 1); }
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;

  void run() {
    Message message{};
    for (std::uint64_t i = 0; i < step_; ++i) {
      message.front() = ++sent_;
      put(message, 1);
    }
    expect_number(get(1), sent_);
  }

  static constexpr std::uint64_t kEnd = ~std::uint64_t{0};

 private:
  const std::uint64_t step_;
  std::uint64_t sent_ = 0;
};

void answer() {
  const std::uint64_t step = get(0).front();
  for (std::uint64_t number = 1;; ++number) {
    const Message message = get(0);
    if (message.front() == Sender::kEnd) return;
    expect_number(message, number);
    if (number % step == 0) put(message, 0);
  }
}

double measure(const std::string& name, const Scale& scale) {
  const bool is_throughput = name == "s5.openmpi";
  Sender sender(is_throughput ? kQueueBurst : 1);
  const auto run = [&] { sender.run(); };
  return is_throughput ? messages_per_us(scale, run) : queue_round_trip_us(scale, run);
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const auto [first, second] = bench::two_cpus();
  bench::pin_to(rank == 0 ? first : second);
  if (rank == 0) {
    const bench::Scale scale{.is_quick = std::string(argv[2]) == "quick"};
    std::printf("[%g]\n", bench::measure(argv[1], scale));
  } else {
    bench::answer();
  }
  MPI_Finalize();
}
