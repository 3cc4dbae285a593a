// SPDX-License-Identifier: Apache-2.0
#include "stress/call_failer.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <shoal/unique_fd.hpp>
#include <stdexcept>
#include <utility>

#include "os/sentinel.hpp"
#include "os/socket.hpp"
#include "programs/marks.hpp"

namespace shoal::test {
namespace {

using Clock = std::chrono::steady_clock;

// A life takes some milliseconds; a machine may be busy.
constexpr auto kWatchdog = std::chrono::seconds(60);

// All calls of those kinds are asked about.
std::vector<sock_filter> make_filter(const Failure& failure) {
  std::vector<sock_filter> code{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  const auto ask_about = [&](int number) {
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
  };
  for (const Call& call : failure.calls) ask_about(call.number);
  ask_about(SYS_getpriority);
  code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return code;
}

// In the child: what is executed here, and all its children, ask the listener that is sent over
// `socket`.
[[noreturn]] void become_host(std::vector<sock_filter> code, int socket, int output,
                              const char* program, const char* descriptors, const char* method) {
  const sock_fprog filter{static_cast<unsigned short>(code.size()), code.data()};
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const long listener =
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &filter);
  if (listener < 0) ::_exit(125);
  const std::array fds{static_cast<int>(listener)};
  const std::array byte{std::byte{1}};
  if (!os::send_message(socket, byte, fds, os::Wait::yes)) ::_exit(126);
  ::close(static_cast<int>(listener));
  ::dup2(output, STDOUT_FILENO);
  ::execl(program, program, descriptors, method, nullptr);
  ::_exit(127);
}

class Watcher {
 public:
  Watcher(const std::string& method, int descriptors, const Failure& failure) : failure_(failure) {
    const std::string expected = std::to_string(descriptors);
    const std::string program = std::string(SHOAL_TEST_PROGRAMS) + "/failing_host";
    const std::vector<sock_filter> code = make_filter(failure);
    auto sockets = os::create_socket_pair(os::SocketKind::messages);
    std::array<int, 2> ends{};
    if (!sockets || ::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("descriptors");
    output_.reset(ends[0]);
    UniqueFd writer(ends[1]);
    host_ = ::fork();
    if (host_ == 0) {
      become_host(code, sockets->second.get(), writer.get(), program.c_str(), expected.c_str(),
                  method.c_str());
    }
    sockets->second.reset();
    std::array<std::byte, 1> byte{};
    auto message = os::receive_message(sockets->first.get(), byte, os::Wait::yes);
    if (message && !message->fds.empty()) listener_ = std::move(message->fds.front());
  }
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  Life watch() {
    Life life;
    if (!listener_) {
      life.has_no_filter = true;
      ::waitpid(host_, nullptr, 0);
      return life;
    }
    end_ = Clock::now() + kWatchdog;
    const auto sentinel = os::open_sentinel(host_);
    if (!sentinel) throw std::runtime_error("pidfd_open");
    // Its processes end after it. The listener hangs up once the last one has.
    bool is_over = false;
    while (!is_over) {
      std::array<pollfd, 2> polled{{{listener_.get(), POLLIN, 0}, {sentinel->get(), POLLIN, 0}}};
      if (exited_) polled[1].fd = -1;
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end_ - Clock::now());
      const int ready = left.count() <= 0 ? 0 : ::poll(polled.data(), 2, int(left.count()));
      if (ready <= 0) {
        (exited_ ? life.leaves_processes : life.is_hung) = true;
        break;
      }
      if ((polled[0].revents & POLLIN) != 0) answer();
      is_over = (polled[0].revents & POLLHUP) != 0;
      if ((polled[1].revents & POLLIN) != 0) exited_ = true;
    }
    if (life.is_hung) ::kill(host_, SIGKILL);
    listener_.reset();
    int status = 0;
    ::waitpid(host_, &status, 0);
    if (WIFEXITED(status)) life.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) life.signal = WTERMSIG(status);
    life.failed = failed_;
    if (!life.leaves_processes && !life.is_hung) life.output = read_output();
    return life;
  }

 private:
  void answer() {
    seccomp_notif asked{};
    if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) return;  // it was killed
    seccomp_notif_resp answer{};
    answer.id = asked.id;
    if (is_to_fail(asked)) {
      answer.error = -failure_.error;
      ++failed_;
    } else {
      answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    }
    ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }

  bool is_to_fail(const seccomp_notif& asked) {
    if (asked.data.nr == SYS_getpriority && asked.data.args[0] == kMark) {
      is_counting_ = asked.data.args[1] == kBegin;
    }
    if (!is_counting_ || !is_meant(asked)) return false;
    ++seen_;
    return seen_ >= failure_.first && seen_ <= failure_.last && failure_.first > 0;
  }

  bool is_meant(const seccomp_notif& asked) const {
    for (const Call& call : failure_.calls) {
      if (call.number != asked.data.nr) continue;
      if (call.argument >= 0 && asked.data.args[call.argument] != call.value) continue;
      return call.number != SYS_mmap || is_hosts(asked.pid);
    }
    return false;
  }
  // A program that is being loaded maps a lot, and not for us.
  bool is_hosts(std::uint32_t thread) const {
    const std::string task = "/proc/" + std::to_string(host_) + "/task/" + std::to_string(thread);
    return ::access(task.c_str(), F_OK) == 0;
  }

  std::string read_output() const {
    std::string text;
    for (char character = '\0'; ::read(output_.get(), &character, 1) == 1;) text += character;
    return text;
  }

  const Failure failure_;
  int host_ = 0;
  UniqueFd output_;
  UniqueFd listener_;
  Clock::time_point end_;
  bool exited_ = false;
  bool is_counting_ = false;
  unsigned seen_ = 0;
  unsigned failed_ = 0;
};

}  // namespace

Life watch_life(const std::string& method, int descriptors, const Failure& failure) {
  return Watcher(method, descriptors, failure).watch();
}

}  // namespace shoal::test
