// SPDX-License-Identifier: Apache-2.0
// To be preloaded: the wall clock jumps by a year, there and back, each time it is looked at.

#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace {

constexpr time_t kYear = 365 * 24 * 3600;
std::atomic<unsigned> looks{0};

time_t jump() { return looks.fetch_add(1) % 2 == 0 ? kYear : -kYear; }

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  const long result = ::syscall(SYS_clock_gettime, clock, now);
  if (clock == CLOCK_REALTIME && result == 0) now->tv_sec += jump();
  return static_cast<int>(result);
}

int gettimeofday(timeval* now, void*) noexcept {
  const long result = ::syscall(SYS_gettimeofday, now, nullptr);
  now->tv_sec += jump();
  return static_cast<int>(result);
}

time_t time(time_t* now) noexcept {
  timespec real{};
  ::clock_gettime(CLOCK_REALTIME, &real);
  if (now != nullptr) *now = real.tv_sec;
  return real.tv_sec;
}
}
