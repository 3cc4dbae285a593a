// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <iterator>

namespace shoal::internal {

/// Walks over the results of a map: an input iterator over MapResult or ThreadMapResult.
template <class Result>
class ResultIterator {
 public:
  using value_type = typename Result::Value;
  using difference_type = std::ptrdiff_t;

  explicit ResultIterator(Result* result) : result_(result) {}

  /// Waits for this element and gives its value, or throws what became of it.
  value_type operator*() const { return result_->read(); }
  ResultIterator& operator++() {
    result_->pass();
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const ResultIterator& at, std::default_sentinel_t) {
    return at.result_->size() == 0;
  }

 private:
  Result* result_;
};

}  // namespace shoal::internal
