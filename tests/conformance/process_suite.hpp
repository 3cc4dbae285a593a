// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <shoal/context.hpp>
#include <shoal/process.hpp>
#include <shoal/start_method.hpp>
#include <shoal/unique_fd.hpp>
#include <string>
#include <utility>

#include "conformance/start_methods.hpp"
#include "support/leak_guard.hpp"

namespace shoal::test {

/// A pipe by which children tell the test what they see.
class Answer {
 public:
  Answer() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), 02000000 /* O_CLOEXEC */) != 0) throw std::bad_alloc();
    reader_.reset(ends[0]);
    writer_.reset(ends[1]);
  }

  /// What a child is given to speak into.
  const UniqueFd& mouth() const { return writer_; }

  /// Waits for one character; '\0' if nobody is left to say one.
  char next() {
    writer_.reset();
    char character = '\0';
    return ::read(reader_.get(), &character, 1) == 1 ? character : '\0';
  }

  /// Waits until everybody who holds the mouth has ended, and gives all that was said.
  std::string all() {
    std::string text;
    while (const char character = next()) text += character;
    return text;
  }

 private:
  UniqueFd reader_;
  UniqueFd writer_;
};

/// Says `text` in a child.
inline void say(const UniqueFd& mouth, const std::string& text) {
  if (::write(mouth.get(), text.data(), text.size()) < 0) ::_exit(99);
}

/// What every start method must do alike. Leaves no descriptor and no process behind.
class ProcessSuite : public testing::TestWithParam<StartMethod> {
 protected:
  void SetUp() override {
    context_ = get_context(GetParam());
    // What lives as long as the process (spawner, fork server) belongs to the guard's baseline.
    Process first = context_.process([] {});
    first.start();
    first.join();
    first.close();
    guard_ = std::make_unique<LeakGuard>();
  }
  void TearDown() override { guard_.reset(); }

  Context context_;

 private:
  std::unique_ptr<LeakGuard> guard_;
};

}  // namespace shoal::test
