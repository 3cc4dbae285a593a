// SPDX-License-Identifier: Apache-2.0
#include "os/thread.hpp"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

#include <memory>
#include <new>
#include <string>

#include "os/child.hpp"

namespace shoal::os {
namespace {

struct Start {
  std::string name;
  void (*body)(void*);
  void* argument;
};

void* thread_main(void* argument) {
  const std::unique_ptr<Start> start(static_cast<Start*>(argument));
  name_thread(start->name.c_str());
  start->body(start->argument);
  return nullptr;
}

// A thread is born with its maker's mask: so that no handler can run on it even at its first
// instruction, signals are blocked around the making.
int create_masked(pthread_attr_t& attributes, Start* start) noexcept {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, &before);
  pthread_t thread{};
  const int error = ::pthread_create(&thread, &attributes, thread_main, start);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return error;
}

}  // namespace

Result<void> start_thread(const char* name, std::size_t stack_bytes, void (*body)(void*),
                          void* argument) noexcept {
  std::unique_ptr<Start> start(new (std::nothrow) Start{name, body, argument});
  if (!start) return failure(ENOMEM, "pthread_create", "\"%s\"", name);
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  ::pthread_attr_setstacksize(&attributes, stack_bytes);
  const int error = create_masked(attributes, start.get());
  ::pthread_attr_destroy(&attributes);
  if (error != 0) return failure(error, "pthread_create", "\"%s\"", name);
  static_cast<void>(start.release());  // the thread's now
  return {};
}

Result<void> call_in_forked_child(void (*handler)()) noexcept {
  const int error = ::pthread_atfork(nullptr, nullptr, handler);
  if (error != 0) return failure(error, "pthread_atfork");
  return {};
}

void yield() noexcept { ::sched_yield(); }

}  // namespace shoal::os
