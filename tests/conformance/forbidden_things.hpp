// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

namespace shoal::test {

/// Something that a strict sandbox keeps from: gives -1 and leaves the reason in errno.
struct ForbiddenThing {
  std::string name;
  long (*attempt)();
  bool is_harmless;  ///< a test may do it where nothing forbids it
};

/// Each is tried for real: what it makes goes away again.
inline std::vector<ForbiddenThing> forbidden_things() {
  static const auto close_made = [](long fd) {
    if (fd >= 0) ::close(static_cast<int>(fd));
    return fd;
  };
  return {
      {"open", [] { return close_made(::open("/etc/passwd", O_RDONLY)); }, true},
      {"open of a path alone", [] { return close_made(::open("/etc", O_PATH)); }, true},
      {"open of a directory", [] { return close_made(::open("/tmp", O_DIRECTORY)); }, true},
      {"open of /dev/null", [] { return close_made(::open("/dev/null", O_RDWR)); }, true},
      {"open of /proc", [] { return close_made(::open("/proc/self/maps", O_RDONLY)); }, true},
      {"openat2",
       [] {
         const std::array<unsigned long, 3> how{};
         return close_made(::syscall(437, AT_FDCWD, "/etc/passwd", how.data(), sizeof how));
       },
       true},
      {"create",
       [] {
         const std::string path = "/tmp/shoal-forbidden-" + std::to_string(::getpid());
         const long made = close_made(::open(path.c_str(), O_CREAT | O_WRONLY, 0600));
         if (made >= 0) ::unlink(path.c_str());
         return made;
       },
       true},
      {"mkdir",
       [] {
         const std::string path = "/tmp/shoal-forbidden-" + std::to_string(::getpid());
         const long made = ::mkdir(path.c_str(), 0700);
         if (made == 0) ::rmdir(path.c_str());
         return made;
       },
       true},
      {"truncate", [] { return long{::truncate("/nonexistent/file", 0)}; }, false},
      {"unlink", [] { return long{::unlink("/nonexistent/file")}; }, false},
      {"rename", [] { return long{::rename("/nonexistent/a", "/nonexistent/b")}; }, false},
      {"chmod", [] { return long{::chmod("/nonexistent/file", 0600)}; }, false},
      {"socket", [] { return close_made(::socket(AF_UNIX, SOCK_STREAM, 0)); }, true},
      {"internet socket", [] { return close_made(::socket(AF_INET, SOCK_DGRAM, 0)); }, true},
      {"socketpair",
       [] {
         std::array<int, 2> ends{};
         const long made = ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data());
         if (made == 0) close_made(ends[0]), close_made(ends[1]);
         return made;
       },
       true},
      {"execve",
       [] {
         // Where it works, nobody comes back to tell: a child of this one's tries.
         const pid_t child = ::fork();
         if (child == 0) {
           char* const arguments[] = {const_cast<char*>("true"), nullptr};
           ::execve("/bin/true", arguments, nullptr);
           ::_exit(errno);
         }
         int status = -1;
         while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
         }
         errno = WEXITSTATUS(status);
         return errno == 0 ? 0L : -1L;
       },
       true},
      {"ptrace", [] { return ::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr); }, false},
      {"process_vm_readv",
       [] { return ::syscall(SYS_process_vm_readv, ::getppid(), 0, 0, 0, 0, 0); }, false},
      {"kill of the parent", [] { return long{::kill(::getppid(), 0)}; }, true},
      {"kill of its group", [] { return long{::kill(0, 0)}; }, true},
      {"signal of a file",
       [] {
         std::array<int, 2> ends{};
         if (::pipe(ends.data()) != 0) return -2L;
         const long done = ::fcntl(ends[0], F_SETOWN, ::getppid());
         const int error = errno;
         close_made(ends[0]), close_made(ends[1]);
         errno = error;
         return done;
       },
       true},
      {"pidfd_send_signal",
       [] {
         const long fd = ::syscall(SYS_pidfd_open, ::getppid(), 0);
         const long sent = ::syscall(SYS_pidfd_send_signal, fd, 0, nullptr, 0);
         const int error = errno;
         close_made(fd);
         errno = error;
         return sent;
       },
       true},
      {"prlimit of the parent",
       [] {
         std::array<unsigned long, 2> limit{};
         return ::syscall(SYS_prlimit64, ::getppid(), 7, nullptr, limit.data());
       },
       true},
      {"priority of the parent",
       [] { return long{::setpriority(PRIO_PROCESS, static_cast<id_t>(::getppid()), 0)}; }, true},
      {"priority of its user's processes", [] { return long{::setpriority(PRIO_USER, 0, 0)}; },
       false},
      {"input and output of the parent",
       [] { return ::syscall(SYS_ioprio_set, 1, ::getppid(), 0); }, true},
      {"CPUs of the parent",
       [] {
         cpu_set_t cpus;
         if (::sched_getaffinity(::getppid(), sizeof cpus, &cpus) != 0) return -2L;
         return long{::sched_setaffinity(::getppid(), sizeof cpus, &cpus)};
       },
       true},
      {"schedule of the parent",
       [] {
         const sched_param param{};
         return long{::sched_setscheduler(::getppid(), SCHED_OTHER, &param)};
       },
       true},
      {"a child of the parent's",
       [] {
         const long child = ::syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
         if (child == 0) ::_exit(0);
         return child;
       },
       false},
      {"io_uring_setup", [] { return ::syscall(425, 0, nullptr); }, false},
      {"userfaultfd", [] { return ::syscall(SYS_userfaultfd, ~0); }, false},
      {"bpf", [] { return ::syscall(SYS_bpf, -1, nullptr, 0); }, false},
      {"perf_event_open", [] { return ::syscall(SYS_perf_event_open, nullptr, 0, 0, 0, 0); },
       false},
      {"keyctl", [] { return ::syscall(SYS_keyctl, -1); }, false},
      {"mount", [] { return ::syscall(SYS_mount, "", "/nonexistent", "", 0, nullptr); }, false},
      {"unshare", [] { return long{::unshare(0)}; }, false},
      {"clone into a namespace",
       [] { return ::syscall(SYS_clone, CLONE_NEWUSER | CLONE_FS, 0, 0, 0, 0); }, false},
      {"shmget", [] { return long{::shmget(IPC_PRIVATE, 0, 0600)}; }, false},
      {"typing into a terminal", [] { return ::syscall(SYS_ioctl, -1, 0x5412, "x"); }, false},
  };
}

/// Tries all of them; names those that were not refused, and what came instead.
inline std::string not_refused() {
  std::string names;
  for (const ForbiddenThing& thing : forbidden_things()) {
    errno = 0;
    const long result = thing.attempt();
    if (result < 0 && (errno == EPERM || errno == EACCES)) continue;
    names += thing.name + " (" + std::to_string(result) + ", " + std::to_string(errno) + ")\n";
  }
  return names;
}

/// Tries the harmless ones; names those that were refused.
inline std::string refused() {
  std::string names;
  for (const ForbiddenThing& thing : forbidden_things()) {
    if (!thing.is_harmless || thing.attempt() >= 0 || (errno != EPERM && errno != EACCES)) continue;
    names += thing.name + '\n';
  }
  return names;
}

}  // namespace shoal::test
