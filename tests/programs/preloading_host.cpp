// SPDX-License-Identifier: Apache-2.0
// preloading_host <mode> [<method>]: gives its fork server something to preload and prints what becomes of it,
// a line each; "ended" comes last.

#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <shoal/shoal.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "programs/method_argument.hpp"

namespace {

using namespace std::chrono_literals;

int loaded_by = 0;  // a process
int times_loaded = 0;
std::vector<int> model;

void load() {
  loaded_by = ::getpid();
  ++times_loaded;
  model.assign(1000, 7);
  std::fputs("loading\n", stdout);  // once, although every child is a copy
}

// True in a child of the process that has loaded it.
bool is_shared() {
  return loaded_by == ::getppid() && times_loaded == 1 && model.size() == 1000 && model[999] == 7;
}

shoal::StartMethod method = shoal::StartMethod::forkserver;

shoal::Process make_child() {
  return shoal::get_context(method).process([] { std::exit(is_shared() ? 0 : 1); });
}

void start_child() {
  try {
    shoal::Process child = make_child();
    child.start();
    child.join();
    std::printf("child %d\n", child.exitcode().value_or(-1000));
  } catch (const shoal::StartError& error) {
    std::printf("%s\n", error.what());
  }
  std::fflush(stdout);
}

void start_pool() {
  try {
    shoal::ProcessPoolExecutor pool = shoal::get_context(method).executor(2);
    std::printf("worker %d\n", pool.submit(is_shared).get() ? 0 : 1);
  } catch (const shoal::StartError& error) {
    std::printf("%s\n", error.what());
  }
  std::fflush(stdout);
}

// The fork server is a child of the thread that forks.
int server_pid() {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream children(task.path() / "children");
    for (int pid = 0; children >> pid;) return pid;
  }
  return 0;
}

void preload_throwing() {
  try {
    throw std::out_of_range("no such file");
  } catch (...) {
    std::throw_with_nested(std::runtime_error("no model"));
  }
}

void run(const std::string& mode) {
  if (mode == "loads") {
    shoal::set_forkserver_preload(load);
    start_child();
    start_child();
    start_pool();
    std::printf("host %d\n", times_loaded);
  } else if (mode == "restarts") {
    shoal::set_forkserver_preload(load);
    start_child();
    ::kill(server_pid(), SIGKILL);
    start_child();
  } else if (mode == "throws") {
    shoal::set_forkserver_preload(preload_throwing);
    start_child();
    start_pool();
    std::printf("left %d\n", server_pid());
    std::fflush(stdout);
    shoal::set_forkserver_preload(load);  // not too late: none runs
    start_child();
  } else if (mode == "exits") {
    shoal::set_forkserver_preload([] { std::exit(3); });
    start_child();
  } else if (mode == "crashes") {
    shoal::set_forkserver_preload([] {
      ::signal(SIGSEGV, SIG_DFL);  // sanitizers handle it
      volatile std::uintptr_t nowhere = 8;  // no compiler is to see it coming
      *reinterpret_cast<volatile int*>(nowhere) = 1;
    });
    start_child();
  } else if (mode == "threads") {
    shoal::set_forkserver_preload(
        [] { std::thread([] { std::this_thread::sleep_for(24h); }).detach(); });
    start_child();
  } else if (mode == "late") {
    start_child();
    try {
      shoal::set_forkserver_preload(load);
    } catch (const std::logic_error& error) {
      std::printf("%s\n", error.what());
    }
  } else if (mode == "taken-back") {
    shoal::set_forkserver_preload(preload_throwing);
    shoal::set_forkserver_preload(nullptr);
    start_child();
  }
}

}  // namespace

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  if (argc > 2) method = shoal::test::method_argument(argc, argv);
  run(argc > 1 ? argv[1] : "");
  std::puts("ended");
}
