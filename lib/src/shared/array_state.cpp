// SPDX-License-Identifier: Apache-2.0
#include "shared/array_state.hpp"

#include <utility>

#include "os/fork_generation.hpp"
#include "shared/commons.hpp"

namespace shoal::shared {

ArrayState::ArrayState(const ArrayLabel& its_label, memory::Mapping its_map,
                       std::shared_ptr<const UniqueFd> its_descriptor)
    : label(its_label),
      map(std::move(its_map)),
      descriptor(std::move(its_descriptor)),
      generation(os::fork_generation()) {}

ArrayState::~ArrayState() {
  if (generation == os::fork_generation()) Commons::instance().arrays().forget(*this);
}

std::shared_ptr<ArrayState> ArrayMaps::find(const ArrayLabel& label) {
  const std::lock_guard guard(mutex_);
  const auto found = arrays_.find(label.id);
  return found == arrays_.end() ? nullptr : found->second.lock();
}

std::shared_ptr<ArrayState> ArrayMaps::enter(const std::shared_ptr<ArrayState>& array) {
  const std::lock_guard guard(mutex_);
  std::weak_ptr<ArrayState>& place = arrays_[array->label.id];
  std::shared_ptr<ArrayState> present = place.lock();
  if (present != nullptr) return present;
  place = array;
  return array;
}

// Another of that id may have been entered since: by then this one was past finding.
void ArrayMaps::forget(const ArrayState& array) noexcept {
  const std::lock_guard guard(mutex_);
  const auto found = arrays_.find(array.label.id);
  if (found != arrays_.end() && found->second.expired()) arrays_.erase(found);
}

}  // namespace shoal::shared
