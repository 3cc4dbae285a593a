// SPDX-License-Identifier: Apache-2.0
// What is measured and what must be reached. The goals are those of the table, S1 to S14.
#include "limits.hpp"
#include "measurement.hpp"
#include "pool_states.hpp"
#include "pool_tasks.hpp"
#include "queues.hpp"
#include "starts.hpp"
#include "tbb.hpp"
#include "ways.hpp"

namespace bench {
namespace {

constexpr const char* kTasks = "M tasks/s";
constexpr const char* kItems = "M items/s";
constexpr const char* kMessages = "M messages/s";
constexpr const char* kSpeed = "GB/s";
constexpr const char* kMicro = "us";
constexpr const char* kMilli = "ms";
constexpr const char* kNano = "ns";

Benchmark throughput() {
  return {"s1",
          "no-op tasks, a future each, 2 workers, all results fetched",
          {{"s1.shoal", {{"shoal", kTasks}}, measure_pool_throughput},
           {"s1.tbb", {{"oneTBB enqueue + promise (threads)", kTasks}}, measure_tbb_throughput},
           {"s1.cpython_pool", {{"CPython Pool.apply_async", kTasks}}},
           {"s1.cpython_executor", {{"CPython ProcessPoolExecutor", kTasks}}}},
          {{"1.2 x oneTBB", "shoal", Bound::at_least, 1.2, "oneTBB enqueue + promise (threads)"},
           {"40 x CPython Pool", "shoal", Bound::at_least, 40, "CPython Pool.apply_async"}}};
}

Benchmark map() {
  return {"s2",
          "map of int -> int, automatic chunks",
          {{"s2.shoal", {{"shoal", kItems}}, measure_pool_map},
           {"s2.tbb", {{"oneTBB parallel_for (threads)", kItems}}, measure_tbb_map},
           {"s2.cpython", {{"CPython Pool.map", kItems}}}},
          {{"15 x CPython Pool.map", "shoal", Bound::at_least, 15, "CPython Pool.map"}}};
}

Benchmark round_trip() {
  return {
      "s3",
      "one task, submit -> get, p50, one worker polling",
      {{"s3.limit", {{"raw ping-pong, two CPUs", kMicro}}, measure_spin_ping_pong},
       {"s3.shoal", {{"shoal", kMicro}}, measure_pool_round_trip},
       {"s3.shoal_pinned", {{"shoal, two CPUs", kMicro}}, measure_pool_round_trip_pinned},
       {"s3.tbb", {{"oneTBB enqueue + promise (threads)", kMicro}}, measure_tbb_round_trip},
       {"s3.cpython", {{"CPython Pool.apply", kMicro}}}},
      {{"4 x the raw ping-pong", "shoal, two CPUs", Bound::at_most, 4, "raw ping-pong, two CPUs"},
       {"0.1 x oneTBB", "shoal", Bound::at_most, 0.1, "oneTBB enqueue + promise (threads)"}}};
}

Benchmark asleep() {
  return {"s4",
          "one task, submit -> get, p50, both asleep (spin = 0)",
          {{"s4.limit_two", {{"raw futex, two CPUs", kMicro}}, measure_futex_two_cpus},
           {"s4.shoal_two", {{"shoal, two CPUs", kMicro}}, measure_pool_asleep_two_cpus},
           {"s4.limit_one", {{"raw futex, one CPU", kMicro}}, measure_futex_one_cpu},
           {"s4.shoal_one", {{"shoal, one CPU", kMicro}}, measure_pool_asleep_one_cpu},
           {"s4.limit", {{"raw futex, unpinned", kMicro}}, measure_futex_unpinned},
           {"s4.shoal", {{"shoal, unpinned", kMicro}}, measure_pool_asleep}},
          {{"1.3 x the raw futex ping-pong, two CPUs", "shoal, two CPUs", Bound::at_most, 1.3,
            "raw futex, two CPUs"},
           {"1.3 x the raw futex ping-pong, one CPU", "shoal, one CPU", Bound::at_most, 1.3,
            "raw futex, one CPU"}}};
}

Benchmark queue() {
  return {"s5",
          "Queue of 64 bytes, one process to another, two CPUs",
          {{"s5.shoal", {{"shoal", kMessages}}, measure_queue_throughput},
           {"s5.boost", {{"Boost message_queue", kMessages}}, measure_boost_throughput},
#ifdef SHOAL_BENCH_MPIRUN
           {"s5.openmpi", {{"OpenMPI", kMessages}}},
#endif
           {"s5.cpython", {{"CPython multiprocessing.Queue", kMessages}}}},
          {{"30 x CPython", "shoal", Bound::at_least, 30, "CPython multiprocessing.Queue"},
           {"1.5 x Boost", "shoal", Bound::at_least, 1.5, "Boost message_queue"}}};
}

Benchmark queue_round_trip() {
  return {"s6",
          "Queue of 64 bytes, there and back, p50, two CPUs",
          {{"s6.limit", {{"raw ping-pong, two CPUs", kMicro}}, measure_spin_ping_pong},
           {"s6.shoal", {{"shoal", kMicro}}, measure_queue_round_trip},
           {"s6.boost", {{"Boost message_queue", kMicro}}, measure_boost_round_trip},
#ifdef SHOAL_BENCH_MPIRUN
           {"s6.openmpi", {{"OpenMPI", kMicro}}},
#endif
           {"s6.cpython", {{"CPython multiprocessing.Queue", kMicro}}}},
          {{"4 x the raw ping-pong", "shoal", Bound::at_most, 4, "raw ping-pong, two CPUs"}}};
}

Benchmark large_argument() {
  return {"s7",
          "64 MiB std::vector<double> as argument, warm",
          {{"s7.limit", {{"memcpy", kSpeed}}, measure_memcpy},
           {"s7.shoal", {{"shoal", kSpeed}}, measure_pool_large_argument},
           {"s7.cpython", {{"CPython Pool.apply of bytes", kSpeed}}}},
          {{"0.45 x memcpy", "shoal", Bound::at_least, 0.45, "memcpy"},
           {"20 x CPython", "shoal", Bound::at_least, 20, "CPython Pool.apply of bytes"}}};
}

Benchmark arrays() {
  return {
      "s8",
      "SharedArray as argument, submit -> get, p50, two CPUs",
      {{"s8.shoal",
        {{"shoal, empty task", kMicro},
         {"more with 4 KiB", kMicro},
         {"more with 1 MiB", kMicro},
         {"more with 64 MiB", kMicro},
         {"more with 1 GiB", kMicro}},
        measure_pool_arrays},
       {"s8.fresh", {{"shoal, a new array of 4 KiB each time", kMicro}}, measure_pool_fresh_arrays},
       {"s8.sums",
        {{"shoal, 64 MiB summed, the first time", kMilli},
         {"shoal, 64 MiB summed, the tenth time", kMilli}},
        measure_pool_array_sums},
       {"s8.cpython", {{"CPython SharedMemory of 64 MiB, by name", kMicro}}}},
      {{"5 us more with 64 MiB", "more with 64 MiB", Bound::at_most, 5},
       {"5 us more with 1 GiB", "more with 1 GiB", Bound::at_most, 5}}};
}

Benchmark starts() {
  return {"s9",
          "start of a process until its function runs; large: 1 GiB",
          {{"s9.raw_fork",
            {{"raw fork", kMilli}, {"2 x raw fork + two thread wakes", kMilli}},
            measure_raw_fork},
           {"s9.fork", {{"shoal fork", kMilli}}, measure_process_fork},
           {"s9.raw_fork_large", {{"raw fork, large", kMilli}}, measure_raw_fork_large},
           {"s9.fork_large", {{"shoal fork, large", kMilli}}, measure_process_fork_large},
           {"s9.raw_spawn", {{"raw posix_spawn", kMilli}}, measure_raw_spawn},
           {"s9.spawn", {{"shoal spawn", kMilli}}, measure_process_spawn},
           {"s9.spawn_large", {{"shoal spawn, large", kMilli}}, measure_process_spawn_large},
           {"s9.raw_forkserver", {{"raw fork server", kMilli}}, measure_raw_fork_server},
           {"s9.forkserver", {{"shoal forkserver", kMilli}}, measure_process_forkserver},
           {"s9.forkserver_large",
            {{"shoal forkserver, large", kMilli}},
            measure_process_forkserver_large},
           {"s9.cpython",
            {{"CPython fork", kMilli}, {"CPython spawn", kMilli}, {"CPython forkserver", kMilli}}}},
          {{"2 x raw fork + two thread wakes", "shoal fork", Bound::at_most, 1,
            "2 x raw fork + two thread wakes"},
           {"2 x raw fork, large", "shoal fork, large", Bound::at_most, 2, "raw fork, large"},
           {"2 x raw posix_spawn", "shoal spawn", Bound::at_most, 2, "raw posix_spawn"},
           {"2 x raw fork server", "shoal forkserver", Bound::at_most, 2, "raw fork server"},
           {"1.2 x forkserver with a small parent", "shoal forkserver, large", Bound::at_most, 1.2,
            "shoal forkserver"}}};
}

Benchmark death() {
  return {"s10",
          "kill -9 of a worker, the others idle",
          {{"s10.limit", {{"raw: until its pidfd tells", kMilli}}, measure_raw_death},
           {"s10.shoal",
            {{"shoal: until its future fails", kMilli},
             {"shoal: until its replacement served", kMilli}},
            measure_pool_death}},
          {{"0.3 ms until the future fails", "shoal: until its future fails", Bound::at_most, 0.3},
           {"1 ms until the replacement served", "shoal: until its replacement served",
            Bound::at_most, 1}}};
}

Benchmark cpu_bound() {
  return {"s11",
          "CPU-bound rows on 2 workers",
          {{"s11.shoal",
            {{"two raw forked processes", "rows/s"},
             {"shoal, tasks of 3 ms", "rows/s"},
             {"shoal, tasks of 0.4 ms", "rows/s"}},
            measure_cpu_bound}},
          {{"0.97 x two raw processes", "shoal, tasks of 3 ms", Bound::at_least, 0.97,
            "two raw forked processes"}}};
}

Benchmark idle() {
  return {"s12",
          "idle pool of 2: 5 s, from 2 s after its last task",
          {{"s12.shoal",
            {{"CPU time", kMilli}, {"context switches", ""}, {"private memory of a worker", "kB"}},
            measure_pool_idle}},
          {{"0 ms of CPU", "CPU time", Bound::at_most, 0},
           {"0 context switches", "context switches", Bound::at_most, 0},
           {"512 kB of a worker's own", "private memory of a worker", Bound::at_most, 512}}};
}

Benchmark queued() {
  return {"s14",
          "10^6 queued no-op tasks; 256 workers",
          {{"s14.queued", {{"parent's memory a queued task", "B"}}, measure_pool_queued},
           {"s14.crowd", {{"2 workers", kTasks}, {"256 workers", kTasks}}, measure_pool_crowd}},
          {{"300 B a task", "parent's memory a queued task", Bound::at_most, 300},
           {"0.5 x 2 workers, with 256", "256 workers", Bound::at_least, 0.5, "2 workers"}}};
}

Benchmark busy() {
  return {"busy",
          "no-op tasks beside as many busy threads as CPUs",
          {{"busy.shoal",
            {{"spin 20 us", kTasks}, {"spin 0", kTasks}},
            measure_pool_beside_busy_threads}},
          {{"0.7 x without spin", "spin 20 us", Bound::at_least, 0.7, "spin 0"}}};
}

Benchmark ways() {
  return {"way",
          "doubles to another process that sums them up, and their sum back",
          {{"way.task",
            {{"task's argument, 64 B", kMicro},
             {"task's argument, 64 KiB", kMicro},
             {"task's argument, 64 MiB", kMicro}},
            measure_task_way},
           {"way.connection",
            {{"Connection, 64 B", kMicro},
             {"Connection, 64 KiB", kMicro},
             {"Connection, 64 MiB", kMicro}},
            measure_connection_way},
           {"way.queue",
            {{"Queue, 64 B", kMicro}, {"Queue, 64 KiB", kMicro}, {"Queue, 32 MiB", kMicro}},
            measure_queue_way},
           {"way.array",
            {{"SharedArray, 64 B", kMicro},
             {"SharedArray, 64 KiB", kMicro},
             {"SharedArray, 64 MiB", kMicro}},
            measure_array_way},
           {"way.values",
            {{"Value, get", kNano},
             {"Value, set", kNano},
             {"Value, with", kNano},
             {"Array, an element under its lock", kNano},
             {"RawArray, an element", kNano},
             {"Atomic, fetch_add", kNano}},
            measure_shared_values}},
          {}};
}

}  // namespace

std::vector<Benchmark> catalogue() {
  return {throughput(),     map(),    round_trip(), asleep(), queue(),     queue_round_trip(),
          large_argument(), arrays(), starts(),     death(),  cpu_bound(), idle(),
          queued(),         busy(),   ways()};
}

}  // namespace bench
