// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>
#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <new>
#include <string>
#include <system_error>
#include <utility>

namespace bench {

/// Throws what errno says about `call`.
[[noreturn]] void fail(const std::string& call);

/// Has the kernel kill this process when the thread that made it ends. `parent` is who made it.
void die_with(pid_t parent);

/// Binds the calling thread, and what it starts, to one CPU.
void pin_to(int cpu);
/// Gives the first and the last CPU this process may use; the same one twice where there is one.
std::pair<int, int> two_cpus();

/// A plain forked process that runs `body` and ends; killed and reaped by the destructor.
/// No library is involved: this is what the limits are measured with.
class RawChild {
 public:
  explicit RawChild(const std::function<void()>& body);
  ~RawChild();
  RawChild(const RawChild&) = delete;
  RawChild& operator=(const RawChild&) = delete;

  pid_t pid() const { return pid_; }
  /// Waits for its end. @throws std::runtime_error  it did not end with 0
  void join();

 private:
  pid_t pid_ = -1;
};

/// A T in memory that forked children share.
template <class T>
class Shared {
 public:
  Shared() {
    void* at = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) fail("mmap");
    value_ = new (at) T{};
  }
  ~Shared() { munmap(value_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  T* operator->() const { return value_; }
  T& operator*() const { return *value_; }

 private:
  T* value_;
};

/// Private memory that is really there, in pages of 4 KiB: what makes fork() slow.
class Ballast {
 public:
  explicit Ballast(std::size_t bytes);
  ~Ballast();
  Ballast(const Ballast&) = delete;
  Ballast& operator=(const Ballast&) = delete;

 private:
  void* at_ = nullptr;
  std::size_t bytes_;
};

}  // namespace bench
