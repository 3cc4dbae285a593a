// SPDX-License-Identifier: Apache-2.0
// Runs a task again: after a lost worker whenever `retries` allows it, after an exception only if
// `retry_if` says so.
//
//   unlucky: done at attempt 2
//   busy: done at attempt 3
//   wrong: no such page, at the first attempt

#include <chrono>
#include <csignal>
#include <cstdio>
#include <exception>
#include <shoal/shoal.hpp>
#include <string>
#include <system_error>

using namespace std::chrono_literals;
using shoal::this_task::attempt;

// The worker dies, the first time.
unsigned unlucky() {
  if (attempt() == 1) std::raise(SIGKILL);
  return attempt();
}

// The server is busy, twice. A page that is not there will not be there later either.
unsigned fetch(const std::string& page) {
  if (page != "index") throw std::invalid_argument("no such page");
  if (attempt() < 3) throw std::system_error(std::make_error_code(std::errc::connection_refused));
  return attempt();
}

// Runs here, not in the worker.
bool is_worth_another_try(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::system_error& e) {
    return e.code() == std::errc::connection_refused;
  } catch (...) {
    return false;
  }
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool{{.max_workers = 2}};

  // Retries say that the task is safe to run twice.
  std::printf("unlucky: done at attempt %u\n", pool.submit({.retries = 2}, unlucky).get());

  // Waits 10 ms before the second attempt, 20 ms before the third, each give or take a half.
  const shoal::TaskOptions patient{
      .retries = 5, .backoff = 10ms, .jitter = 0.5, .retry_if = is_worth_another_try};
  std::printf("busy: done at attempt %u\n", pool.submit(patient, fetch, "index").get());
  try {
    pool.submit(patient, fetch, "news").get();
  } catch (const std::invalid_argument& error) {
    std::printf("wrong: %s, at the first attempt\n", error.what());
  }
}
