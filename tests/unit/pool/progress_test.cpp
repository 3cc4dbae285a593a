// SPDX-License-Identifier: Apache-2.0
// The real thing, on a pseudo terminal and on a file.
#include "shoal/progress.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "shoal/map_result.hpp"
#include "shoal/unique_fd.hpp"
#include "support/leak_guard.hpp"

namespace shoal {
namespace {

using namespace std::chrono_literals;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

// A terminal of so many columns, and what is written to it.
class Terminal {
 public:
  explicit Terminal(unsigned short columns) : master_(::posix_openpt(O_RDWR | O_NOCTTY)) {
    if (!master_ || ::grantpt(master_.get()) != 0 || ::unlockpt(master_.get()) != 0) {
      throw std::runtime_error("no pseudo terminal");
    }
    stream.reset(std::fopen(::ptsname(master_.get()), "w"));
    if (stream == nullptr) throw std::runtime_error("ptsname");
    winsize size{};
    size.ws_col = columns;
    ::ioctl(::fileno(stream.get()), TIOCSWINSZ, &size);
  }

  // Reads until `wanted` has come.
  std::string read_until(const std::string& wanted) {
    while (seen_.find(wanted) == std::string::npos) {
      char c = 0;
      if (::read(master_.get(), &c, 1) != 1) throw std::runtime_error("read: " + seen_);
      seen_ += c;
    }
    return seen_;
  }
  bool has_more() const {
    pollfd polled{master_.get(), POLLIN, 0};
    return ::poll(&polled, 1, 0) == 1;
  }

 private:
  UniqueFd master_;
  std::string seen_;

 public:
  File stream;
};

std::string text_of(const File& file) {
  std::rewind(file.get());
  std::string text;
  for (int c = std::fgetc(file.get()); c != EOF; c = std::fgetc(file.get())) {
    text += static_cast<char>(c);
  }
  return text;
}

TEST(ProgressTest, DrawsABarThatFillsOnATerminal) {
  Terminal terminal(60);
  Progress progress("rows", 10, terminal.stream.get());
  terminal.read_until("\rrows:   0% [-----");
  progress.advance(5);
  terminal.read_until("\rrows:  50% [#####");
  progress.advance(5);
  const std::string all = terminal.read_until("\r\n");
  EXPECT_NE(all.find("rows: 100% ["), std::string::npos);
  EXPECT_NE(all.find("10/10, "), std::string::npos);
}

TEST(ProgressTest, ALineOnATerminalNeverWraps) {
  Terminal terminal(40);
  {
    Progress progress("a label that is rather long for it", 1000, terminal.stream.get());
    progress.advance(1);
  }
  const std::string all = terminal.read_until("\r\n");
  std::size_t begin = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i] == '\r') begin = i + 1;
    ASSERT_LT(i - begin + 1, 40U);
  }
}

TEST(ProgressTest, EndsTheLineWhereItStandsWhenItIsDestroyed) {
  Terminal terminal(60);
  {
    Progress progress("rows", 10, terminal.stream.get());
    progress.advance(3);
  }
  const std::string all = terminal.read_until("\r\n");
  EXPECT_NE(all.find(" 30% ["), std::string::npos);
  EXPECT_EQ(all.find("left", all.rfind("3/10")), std::string::npos);
  EXPECT_FALSE(terminal.has_more());
}

TEST(ProgressTest, ElsewhereThereArePlainLines) {
  const File file(std::tmpfile());
  {
    Progress progress("rows", 4, file.get());
    progress.advance(4);
  }
  const std::string text = text_of(file);
  EXPECT_TRUE(text.starts_with("rows: 4/4 (100%)")) << text;
  EXPECT_EQ(text.find('\r'), std::string::npos);
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

TEST(ProgressTest, OfNothingNothingIsShown) {
  const File file(std::tmpfile());
  {
    Progress progress("rows", 0, file.get());
    progress.advance();
    EXPECT_TRUE(progress.wait());
  }
  EXPECT_EQ(text_of(file), "");
}

TEST(ProgressTest, OneWithoutATotalGoesOnUntilItIsDestroyed) {
  Terminal terminal(60);
  {
    Progress progress = Progress::unbounded("rows", terminal.stream.get());
    progress.advance(1'000'000);
    terminal.read_until("rows: 1000000, ");
    progress.advance(1);
  }
  const std::string all = terminal.read_until("\r\n");
  EXPECT_NE(all.find("rows: 1000001, "), std::string::npos);
}

TEST(ProgressTest, AMovedOneGoesOn) {
  const File file(std::tmpfile());
  {
    Progress first("first", 2, file.get());
    Progress second = std::move(first);
    second.advance();
    first.advance();  // nobody's any more
    second = Progress("second", 1, file.get());
    second.advance();
  }
  const std::string text = text_of(file);
  EXPECT_NE(text.find("first: 1/2 (50%)"), std::string::npos) << text;
  EXPECT_NE(text.find("second: 1/1 (100%)"), std::string::npos) << text;
}

TEST(ProgressTest, OfAMapItCountsTheElementsOfAllBatches) {
  std::vector<internal::ItemBatch> batches(2);
  batches[0].count = 3;
  batches[1].count = 1;
  EXPECT_EQ(internal::show_map("", batches), nullptr);
  EXPECT_EQ(batches[0].counter, nullptr);
  testing::internal::CaptureStderr();
  {
    internal::MapCursor results;
    results.keep(internal::show_map("rows", batches));
    const internal::MapCursor moved = std::move(results);
    batches[0].counter->fetch_add(2);
    batches[1].counter->fetch_add(1);
  }
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(text.starts_with("rows: 3/4 (75%)")) << text;
}

TEST(ProgressTest, AForkedCopyDrawsNothing) {
  Terminal terminal(60);
  Progress progress("rows", 10, terminal.stream.get());
  terminal.read_until("0/10");
  const pid_t child = ::fork();
  if (child == 0) {
    { const Progress copy = std::move(progress); }
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  progress.advance(10);
  const std::string all = terminal.read_until("10/10");
  EXPECT_EQ(all.find('\n'), std::string::npos);  // nobody has ended the line
}

}  // namespace
}  // namespace shoal
