// SPDX-License-Identifier: Apache-2.0
#include "os/lasting_fd.hpp"

#include "os/event.hpp"
#include "os/fork_generation.hpp"

namespace shoal::os {

void EndBell::ring() noexcept {
  // release: pairs with the acquire in take(); whoever is told finds the descriptor gone.
  has_rung_.store(true, std::memory_order_release);
  os::ring(button_->get());
}

// --- LastingFd ----------------------------------------------------------------------------------

LastingFd::LastingFd(UniqueFd fd) noexcept
    : UniqueFd(std::move(fd)), generation_(fork_generation()) {}

std::shared_ptr<const UniqueFd> LastingFd::make(UniqueFd fd) {
  return std::shared_ptr<const UniqueFd>(new LastingFd(std::move(fd)), End());
}

// What a pointer is to delete says what it points to.
const LastingFd* LastingFd::find(const std::shared_ptr<const UniqueFd>& fd) noexcept {
  if (std::get_deleter<End>(fd) == nullptr) return nullptr;
  return static_cast<const LastingFd*>(fd.get());
}

// By now nobody can get the descriptor from a pointer that somebody remembers. In a forked copy of
// the process the bell is not the copy's.
void LastingFd::End::operator()(const UniqueFd* fd) const noexcept {
  const auto* const self = static_cast<const LastingFd*>(fd);
  const bool is_copy = self->generation_ != fork_generation();
  const std::shared_ptr<EndBell> bell = std::move(self->bell_);
  delete self;
  if (bell != nullptr && !is_copy) bell->ring();
}

// --- KeptFd -------------------------------------------------------------------------------------

std::shared_ptr<const UniqueFd> KeptFd::make(UniqueFd fd) {
  return std::shared_ptr<const UniqueFd>(new KeptFd(std::move(fd)), End());
}

const KeptFd* KeptFd::find(const std::shared_ptr<const UniqueFd>& fd) noexcept {
  if (std::get_deleter<End>(fd) == nullptr) return nullptr;
  return static_cast<const KeptFd*>(fd.get());
}

void KeptFd::End::operator()(const UniqueFd* fd) const noexcept {
  delete static_cast<const KeptFd*>(fd);
}

}  // namespace shoal::os
