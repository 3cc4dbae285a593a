// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>

#include "shoal/codec.hpp"
#include "shoal/reader.hpp"
#include "shoal/result_iterator.hpp"

namespace shoal {

namespace pool {
class MapCourse;
class Task;
}  // namespace pool

namespace internal {

/// Walks over the results of a map, which come in parts.
class MapCursor {
 public:
  MapCursor() noexcept = default;
  /// Over `size` elements, the first of which are in `first`.
  MapCursor(std::shared_ptr<pool::Task> first, std::size_t size) noexcept
      : part_(std::move(first)), left_(size) {}
  /// Over the `size` elements, and more, that `course` gives.
  MapCursor(std::shared_ptr<pool::MapCourse> course, std::size_t size) noexcept
      : left_(size), course_(std::move(course)) {}
  MapCursor(MapCursor&& other) noexcept { swap(other); }
  MapCursor& operator=(MapCursor&& other) noexcept {
    swap(other);
    return *this;
  }
  /// Cancels what has not started.
  ~MapCursor();

  /// Lets go of `companion` when it goes itself.
  void keep(std::shared_ptr<void> companion) noexcept { companion_ = std::move(companion); }

  /// Elements that are left.
  std::size_t left() const noexcept { return left_; }

  /// Waits for the element it stands at; gives a reader that stands at its value, or throws what
  /// became of it instead.
  const Reader& at() {
    if (values_ == 0) load();
    if (course_ != nullptr) read_ahead();
    return reader_;
  }
  /// Goes on to the next element; the value of this one takes `bytes`. Where so many are not there,
  /// the next one finds out.
  void pass(std::size_t bytes) noexcept {
    reader_.skip(bytes);
    --values_;
    leave();
  }
  /// Goes on to the next element. `behind` stands behind the value of this one.
  void pass(const Reader& behind) noexcept {
    reader_ = behind;
    --values_;
    leave();
  }
  /// Goes on to the next element; this one has no value.
  void pass_failure() noexcept {
    --failures_;
    leave();
  }
  bool stands_at_value() const noexcept { return values_ > 0; }
  /// False if nobody knows yet what became of the element.
  bool stands_at_result() const noexcept { return values_ > 0 || failures_ > 0; }

 private:
  void leave() noexcept {
    if (course_ != nullptr) read_ahead();
    --left_;
  }
  void load();
  void await_part();
  bool find_part();
  void leave_part();
  [[noreturn]] void raise();
  void read_ahead() noexcept;
  void swap(MapCursor& other) noexcept;

  std::shared_ptr<void> companion_;  // goes last
  std::shared_ptr<pool::Task> part_;
  std::size_t left_ = 0;
  Reader reader_{{}};
  std::size_t values_ = 0;    // left in this part
  std::size_t failures_ = 0;  // behind them
  bool is_loaded_ = false;
  std::shared_ptr<pool::MapCourse> course_;  // none is the rule
};

}  // namespace internal

/// The results of a map, in the order of its input: an input range, read once, by one thread.
/// Destroying it cancels the elements that have not started.
template <class T>
class MapResult {
 public:
  using Value = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  using Iterator = internal::ResultIterator<MapResult>;

  MapResult() noexcept = default;
  explicit MapResult(internal::MapCursor cursor) noexcept : cursor_(std::move(cursor)) {}

  Iterator begin() { return Iterator(this); }
  std::default_sentinel_t end() const { return {}; }
  /// How many elements are left; with MapOptions::buffersize, of those that have been read.
  std::size_t size() const noexcept { return cursor_.left() - late_; }

 private:
  friend Iterator;
  static constexpr bool kIsPlain = internal::is_plain_number<T>;

  Value read() {
    while (late_ > 0) {
      if (look()) {
        step();
        --late_;
      } else {
        static_cast<void>(cursor_.at());  // throws TimeoutError, unless it has come just now
      }
    }
    return read_here();
  }

  Value read_here() {
    if constexpr (kIsPlain) {
      return Reader(cursor_.at()).template get<T>();
    } else {
      behind_ = cursor_.at();
      is_read_ = true;
      if constexpr (std::is_void_v<T>) {
        return {};
      } else {
        // Whatever becomes of this value, the next one begins behind it.
        const auto size = behind_.template get<std::uint64_t>();
        Reader value = behind_;
        behind_.skip(size);
        return value.template get<T>();
      }
    }
  }

  // Waits for this element, of which nobody may want to know; false if it does not come in time.
  bool look() noexcept {
    if (kIsPlain ? cursor_.stands_at_value() : is_read_) return true;
    try {
      static_cast<void>(read_here());
    } catch (...) {
      // What became of it was for those who look.
    }
    return cursor_.stands_at_result();
  }

  // An element that nobody looked at is waited for all the same: what follows stands behind it.
  // One that does not come in time is made up for later.
  void pass() noexcept {
    if (late_ == 0 && look()) {
      step();
    } else {
      ++late_;
    }
  }

  void step() noexcept {
    is_read_ = false;
    if (!cursor_.stands_at_value()) {
      cursor_.pass_failure();
    } else if constexpr (kIsPlain) {
      cursor_.pass(sizeof(T));
    } else {
      cursor_.pass(behind_);
    }
  }

  internal::MapCursor cursor_;
  Reader behind_{{}};     // behind the value that was read last
  bool is_read_ = false;  // it is the value at the cursor
  std::size_t late_ = 0;  // elements that were passed before they came
};

}  // namespace shoal
