// SPDX-License-Identifier: Apache-2.0
// The checked longjmp takes a jump to another stack for a mistake.
#undef _FORTIFY_SOURCE

#include "model/fiber.hpp"

#include <ucontext.h>

#include <utility>

namespace shoal::model {
namespace {

constexpr std::size_t kStackBytes = 64 << 10;

Fiber* entering = nullptr;
ucontext_t creator;
ucontext_t created;

}  // namespace

// setjmp and longjmp change the stack without the system call that swapcontext makes. A ucontext is
// needed only once for each fiber, to get on its stack.
void Context::change(Context& from, Context& to) noexcept {
  from.next_ = &from.here_;
  if (_setjmp(from.here_) == 0) _longjmp(*to.next_, 1);
}

Fiber::Fiber(std::function<void()> body)
    : body_(std::move(body)), stack_(std::make_unique<std::byte[]>(kStackBytes)) {
  rewind();
  ::getcontext(&created);
  created.uc_stack.ss_sp = stack_.get();
  created.uc_stack.ss_size = kStackBytes;
  created.uc_link = nullptr;
  entering = this;
  ::makecontext(&created, &Fiber::enter, 0);
  ::swapcontext(&creator, &created);
}

void Fiber::enter() { entering->stand_at_base(); }

// This frame stays for ever, so that one can always come back to it, whatever was above.
void Fiber::stand_at_base() noexcept {
  if (_setjmp(base_) == 0) ::swapcontext(&created, &creator);
  body_();
}

}  // namespace shoal::model
