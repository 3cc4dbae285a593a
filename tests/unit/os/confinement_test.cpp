// SPDX-License-Identifier: Apache-2.0
// The kernel's bounds and filters, each in a forked child, for none can be lifted again.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <new>
#include <thread>
#include <vector>

#include "os/cpu_timer.hpp"
#include "os/landlock.hpp"
#include "os/limits.hpp"
#include "os/memfd.hpp"
#include "os/seccomp.hpp"
#include "support/sanitized.hpp"

namespace shoal::os {
namespace {

using namespace std::chrono_literals;

// What a forked child that runs `body` ends with: its status, or minus the signal.
template <class F>
int in_child(F body) {
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

void expect(bool is_true, int code) {
  if (!is_true) ::_exit(code);
}

[[noreturn]] void compute_for_ever() {
  ::signal(SIGXCPU, SIG_DFL);
  for (std::atomic<unsigned> n = 0;;) ++n;
}

bool can_open() {
  const int fd = ::open("/etc/passwd", O_RDONLY | O_CLOEXEC);
  if (fd >= 0) ::close(fd);
  return fd >= 0;
}

TEST(LimitsTest, PrivateMemoryGrowsWithWhatIsMappedPrivatelyAlone) {
  constexpr std::size_t kBytes = 16 << 20;
  const std::uint64_t before = *private_memory();
  void* shared = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  EXPECT_LT(*private_memory(), before + kBytes);
  void* own = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  EXPECT_GE(*private_memory(), before + kBytes);
  ::munmap(shared, kBytes);
  ::munmap(own, kBytes);
}

TEST(LimitsTest, MemoryBeyondTheBoundIsRefusedAndSharedMemoryIsNot) {
  SHOAL_SKIP_IF_SANITIZED();
  EXPECT_EQ(
      in_child([] {
        constexpr std::size_t kBytes = 64 << 20;
        expect(bool(set_bound({Resource::private_memory, *private_memory() + kBytes / 2})), 1);
        expect(new (std::nothrow) char[kBytes] == nullptr, 2);
        expect(::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) !=
                   MAP_FAILED,
               3);
      }),
      0);
}

TEST(LimitsTest, ATighterBoundIsKept) {
  EXPECT_EQ(in_child([] {
              expect(bool(set_bound({Resource::cpu_time, 7})), 1);
              expect(bool(set_bound({Resource::cpu_time, 1000})), 2);
              rlimit limit{};
              ::getrlimit(RLIMIT_CPU, &limit);
              expect(limit.rlim_cur == 8 && limit.rlim_max == 8, 3);  // SIGKILL's second
              expect(*highest_bound(Resource::cpu_time) == 8, 4);
            }),
            0);
}

TEST(LimitsTest, FilesBeyondTheBoundFailWithoutASignalButSharedMemoryIsMade) {
  EXPECT_EQ(in_child([] {
              expect(bool(set_bound({Resource::file_size, 4096})), 1);
              const std::vector<std::byte> bytes(1 << 20);
              expect(bool(create_shared_file("test", bytes.size())), 2);
              expect(bool(make_sealed_file("test", bytes)), 3);
              const Fd file(::memfd_create("test", MFD_CLOEXEC));
              expect(::ftruncate(file.get(), 4097) == -1 && errno == EFBIG, 4);
              expect(::ftruncate(file.get(), 4096) == 0, 5);
            }),
            0);
}

TEST(CpuTimerTest, EndsTheProcessByItsSignal) {
  EXPECT_EQ(in_child([] {
              Result<CpuTimer> timer = CpuTimer::create(5ms);
              timer->start();
              compute_for_ever();
            }),
            -SIGXCPU);
}

TEST(CpuTimerTest, CountsEveryThread) {
  EXPECT_EQ(in_child([] {
              Result<CpuTimer> timer = CpuTimer::create(20ms);
              timer->start();
              std::thread([] { compute_for_ever(); }).join();
            }),
            -SIGXCPU);
}

TEST(CpuTimerTest, DoesNothingBeforeItsStartAndAfterItsStop) {
  EXPECT_EQ(in_child([] {
              Result<CpuTimer> timer = CpuTimer::create(10ms);
              const auto used = [] { return std::chrono::milliseconds(std::clock() / 1000); };
              while (used() < 50ms) {
              }
              timer->start();
              timer->stop();
              while (used() < 100ms) {
              }
            }),
            0);
}

TEST(SeccompTest, RefusesByItselfWhatLandlockWouldDeny) {
  ASSERT_TRUE(has_seccomp());
  EXPECT_EQ(in_child([] {
              expect(can_open(), 1);
              expect(bool(give_up_privileges()), 2);
              expect(bool(refuse_calls()), 3);
              expect(!can_open() && errno == EPERM, 4);
              expect(::unlink("/nonexistent") == -1 && errno == EPERM, 5);
              expect(::access("/etc/passwd", R_OK) == 0, 6);  // looking is no opening
            }),
            0);
}

TEST(SeccompTest, HoldsInThreadsThatRunAlreadyAndInChildren) {
  EXPECT_EQ(in_child([] {
              std::atomic<int> turn{0};
              std::thread other([&] {
                expect(can_open(), 1);
                turn = 1;
                turn.notify_all();
                turn.wait(1);
                expect(!can_open(), 2);
              });
              turn.wait(0);
              expect(bool(give_up_privileges()), 3);
              expect(bool(refuse_calls()), 4);
              turn = 2;
              turn.notify_all();
              other.join();
              const pid_t child = ::fork();
              if (child == 0) ::_exit(can_open() ? 1 : 0);
              int status = -1;
              ::waitpid(child, &status, 0);
              expect(status == 0, 5);
            }),
            0);
}

TEST(SeccompTest, CallsThatNobodyKnowsAreNotThere) {
  EXPECT_EQ(in_child([] {
              expect(bool(give_up_privileges()), 1);
              expect(bool(refuse_calls()), 2);
              expect(::syscall(5000) == -1 && errno == ENOSYS, 3);
              expect(::syscall(435 /* clone3 */, nullptr, 0) == -1 && errno == ENOSYS, 4);
              expect(::syscall(0x40000000 | SYS_getpid) == -1 && errno == ENOSYS, 5);  // x32
            }),
            0);
}

// Where the kernel has no Landlock this says so, and nothing is denied: seccomp does it alone.
TEST(LandlockTest, DeniesFilesWhereTheKernelHasIt) {
  EXPECT_EQ(in_child([] {
              expect(can_open(), 1);
              expect(bool(give_up_privileges()), 2);
              const Result<bool> denied = deny_files();
              expect(bool(denied), 3);
              if (!*denied) {
                expect(can_open(), 4);
                return;
              }
              expect(!can_open() && errno == EACCES, 5);
              expect(::rmdir("/tmp") == -1, 6);
              expect(bool(make_sealed_file("test", {})), 7);
              const Fd file(::memfd_create("test", MFD_CLOEXEC));
              expect(::ftruncate(file.get(), 4096) == 0, 8);
            }),
            0);
}

}  // namespace
}  // namespace shoal::os
