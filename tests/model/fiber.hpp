// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csetjmp>
#include <cstddef>
#include <functional>
#include <memory>

namespace shoal::model {

/// A place in a program to which one can return.
class Context {
 public:
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Leaves `from` where it stands and goes on in `to`.
  static void change(Context& from, Context& to) noexcept;

 protected:
  std::jmp_buf here_;
  std::jmp_buf* next_ = &here_;
};

/// A function on a stack of its own. What it leaves on its stack is forgotten, not destroyed: it
/// must own nothing.
class Fiber : public Context {
 public:
  /// `body` never returns: it ends by changing to another context for good.
  explicit Fiber(std::function<void()> body);

  /// The next change to this fiber begins its body anew.
  void rewind() noexcept { next_ = &base_; }

 private:
  static void enter();
  void stand_at_base() noexcept;

  std::function<void()> body_;
  std::unique_ptr<std::byte[]> stack_;
  std::jmp_buf base_;
};

}  // namespace shoal::model
