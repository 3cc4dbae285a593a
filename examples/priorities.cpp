// SPDX-License-Identifier: Apache-2.0
// What is more urgent starts first; among equals, what was submitted first.
//
//   1. fire
//   2. mail from Ada
//   3. mail from Grace
//   4. backup

#include <cstdio>
#include <map>
#include <shoal/shoal.hpp>
#include <string>
#include <vector>

// Keeps the worker busy until the other end is closed.
void hold(shoal::Connection until_closed) {
  try {
    until_closed.recv_bytes();
  } catch (const shoal::EndOfStreamError&) {
  }
}

// Counts the calls in this worker.
int turn() { return ++shoal::worker_local<int>(); }

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool{{.max_workers = 1}};

  auto [here, there] = shoal::pipe();
  pool.submit({.priority = 100}, hold, std::move(there));  // all that follows has to wait

  const std::vector<shoal::TaskOptions> tasks{
      {.priority = -1, .name = "backup"},  // 0 if nothing is said
      {.name = "mail from Ada"},
      {.priority = 10, .name = "fire"},
      {.name = "mail from Grace"},
  };
  std::vector<shoal::Future<int>> turns;
  for (const shoal::TaskOptions& task : tasks) turns.push_back(pool.submit(task, turn));
  here.close();

  std::map<int, std::string> order;
  for (std::size_t i = 0; i < tasks.size(); ++i) order[turns[i].get()] = tasks[i].name;
  for (const auto& [place, name] : order) std::printf("%d. %s\n", place, name.c_str());
}
