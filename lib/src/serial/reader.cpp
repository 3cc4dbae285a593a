// SPDX-License-Identifier: Apache-2.0
#include "shoal/reader.hpp"

#include <algorithm>
#include <string>

#include "shoal/error.hpp"

namespace shoal {

std::size_t Reader::take_count(std::size_t min_size) {
  const auto count = get<std::uint64_t>();
  const std::size_t most = min_size > 0 ? remaining() / min_size : empty_elements_left_;
  if (min_size == 0 && count <= most) empty_elements_left_ -= count;
  if (count > most) {
    throw CodecError("a message announces " + std::to_string(count) +
                     " elements, but has room for at most " + std::to_string(most));
  }
  return count;
}

std::shared_ptr<const UniqueFd> Reader::take_fd() {
  const auto place = get<std::uint32_t>();
  if (place < descriptors_.size() && descriptors_[place] != nullptr) return descriptors_[place];
  throw CodecError("a message refers to its descriptor " + std::to_string(place) + ", but " +
                   std::to_string(descriptors_.size()) + " came with it");
}

void Reader::fail_short(std::size_t wanted) const {
  throw CodecError("a message ends too early: " + std::to_string(wanted) + " bytes wanted, " +
                   std::to_string(remaining()) + " left");
}

void Reader::fail_trailing() const {
  throw CodecError(std::to_string(remaining()) +
                   " bytes are left over after the last value of a message: sender and receiver "
                   "disagree about its type");
}

void internal::fail_depth() {
  throw CodecError("a value is nested deeper than " + std::to_string(kMaxDepth) +
                   " containers or pointers");
}

}  // namespace shoal
