// SPDX-License-Identifier: Apache-2.0
// Which descriptors a child has: a fork is a copy, the others get what they were given.

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

#include "conformance/process_suite.hpp"

namespace shoal::test {
namespace {

class DescriptorSuite : public ProcessSuite {};
// A fork keeps its caller's descriptors; the others do not.
class CleanChildSuite : public DescriptorSuite {};

int run(Process process) {
  process.start();
  process.join();
  return process.exitcode().value_or(-1000);
}

std::string list_descriptors() {
  std::string found;
  for (int fd = 3; fd < 1024; ++fd) {
    std::array<char, 128> target{};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    if (::readlink(link.c_str(), target.data(), target.size() - 1) < 0) continue;
    found += std::string(target.data()) + '\n';
  }
  return found;
}

void say_descriptors(const UniqueFd& mouth) { say(mouth, list_descriptors()); }

TEST_P(CleanChildSuite, HasNoStrayDescriptors_20) {
  const UniqueFd stray(::open("/dev/zero", O_RDONLY));  // not even close-on-exec
  Answer sibling_answer;
  Process sibling = context_.process(
      [](const UniqueFd& mouth) {
        say(mouth, "r");
        for (;;) ::pause();
      },
      sibling_answer.mouth().duplicate());
  sibling.start();
  ASSERT_EQ(sibling_answer.next(), 'r');
  Answer answer;
  EXPECT_EQ(run(context_.process(say_descriptors, answer.mouth().duplicate())), 0);
  std::string others;
  std::istringstream lines(answer.all());
  int pipes = 0;
  int parents = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("pipe:")) {
      ++pipes;
    } else if (line == "anon_inode:[pidfd]" || line.starts_with("pidfd:")) {
      ++parents;
    } else {
      others += line + '\n';
    }
  }
  EXPECT_EQ(others, "");
  EXPECT_LE(pipes, 2);    // the argument, and the message's own copy of it
  EXPECT_EQ(parents, 1);  // by which parent_process() watches
}

TEST_P(DescriptorSuite, HighDescriptorIsInheritedByForkAlone_30) {
  const UniqueFd high(::fcntl(STDERR_FILENO, F_DUPFD, 200));
  auto look = [](int fd) { std::exit(::fcntl(fd, F_GETFD) == -1 ? 1 : 0); };
  EXPECT_EQ(run(context_.process(look, high.get())), GetParam() == StartMethod::fork ? 0 : 1);
}

TEST_P(CleanChildSuite, DoesNotShareStandardInput) {
  EXPECT_EQ(run(context_.process([] {
              char character = '\0';
              std::exit(::read(STDIN_FILENO, &character, 1) == 0 ? 0 : 1);
            })),
            0);
}

SHOAL_FOR_EACH_START_METHOD(DescriptorSuite);
INSTANTIATE_TEST_SUITE_P(, CleanChildSuite,
                         testing::Values(StartMethod::spawn, StartMethod::forkserver),
                         name_of_parameter);

}  // namespace
}  // namespace shoal::test
