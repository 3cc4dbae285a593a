// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "shoal/codec.hpp"

namespace shoal {

/// A list in shared memory of a fixed number of entries, each a number, a bool, text, bytes or
/// nothing, which processes read and set by their index:
///
///     ShareableList list{1, 2.5, true, "text", nullptr};
///     list.set(0, "one");  auto text = list.get<std::string>(0);
///
/// An entry may be set to a value of another type. Its storage is that of its first value rounded
/// up to a multiple of 8 bytes, at least 8; text counts its bytes of UTF-8. Lists do not grow.
///
/// A process killed inside set() leaves the old value or the new one. Beside one that sets it,
/// and pauses at times, get() gives either; if several set the same entry at the same time it may
/// hold a mixture: let them share a Lock. A handle: copies are the same list, and it may be an
/// argument, a result or a member of one. It goes with its last holder. In a copy of the process
/// made by a bare fork() its members throw ClosedError. Safe from many threads and processes, but
/// for that. Source: Python multiprocessing.shared_memory.ShareableList.
class ShareableList {
 public:
  /// What an entry holds.
  using Item =
      std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, std::vector<std::byte>>;
  class Iterator;

  /// Makes a list of these values; of none, an empty one.
  /// @throws std::invalid_argument  4 GiB in an entry, or 32 GiB in all
  /// @throws ResourceError  no memory or descriptors are left
  ShareableList(std::initializer_list<Item> items)
      : ShareableList(std::span(items.begin(), items.size())) {}
  ShareableList() : ShareableList(std::span<const Item>()) {}
  explicit ShareableList(const std::vector<Item>& items) : ShareableList(std::span(items)) {}
  explicit ShareableList(std::span<const Item> items);

  std::size_t size() const;

  /// Gives the value of an entry.
  /// @throws std::out_of_range  there is no such entry
  /// @throws CodecError  somebody has scribbled over it
  Item get(std::size_t index) const;
  /// Gives the value of an entry as one of the types that an Item may hold, or as another integer.
  /// Errors as above.
  /// @throws CodecError  it holds another type, or an integer that a T has not
  template <class T>
  T get(std::size_t index) const {
    Item item = get(index);
    if constexpr (std::is_same_v<T, Item>) {
      return item;
    } else if constexpr (std::integral<T> && !std::is_same_v<T, bool>) {
      const auto* const number = std::get_if<std::int64_t>(&item);
      if (number == nullptr || !std::in_range<T>(*number)) fail_type(index, item);
      return static_cast<T>(*number);
    } else {
      T* const value = std::get_if<T>(&item);
      if (value == nullptr) fail_type(index, item);
      return std::move(*value);
    }
  }

  /// Sets an entry.
  /// @throws std::out_of_range  there is no such entry
  /// @throws std::invalid_argument  the value exceeds the entry's storage; nothing is changed
  /// @throws CodecError  somebody has scribbled over the entry
  void set(std::size_t index, const Item& value) const;

  /// Gives the index of the first entry that holds that value, of that very type.
  std::optional<std::size_t> index(const Item& value) const;
  /// Says how many entries hold that value, of that very type.
  std::size_t count(const Item& value) const;

  /// Makes another list, of these values in storage of the same size.
  ShareableList copy() const;

  /// Values one after the other, each as it is when it is reached.
  Iterator begin() const;
  Iterator end() const;

 private:
  struct State;
  friend struct Codec<ShareableList>;

  explicit ShareableList(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  [[noreturn]] static void fail_type(std::size_t index, const Item& item);

  std::shared_ptr<const State> state_;
};

/// Goes through the values of a list that outlives it.
class ShareableList::Iterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = Item;
  using difference_type = std::ptrdiff_t;

  Iterator() = default;
  Iterator(const ShareableList& list, std::size_t index) : list_(&list), index_(index) {}
  Item operator*() const { return list_->get(index_); }
  Iterator& operator++() {
    ++index_;
    return *this;
  }
  Iterator operator++(int) { return std::exchange(*this, Iterator(*list_, index_ + 1)); }
  friend bool operator==(const Iterator&, const Iterator&) = default;

 private:
  const ShareableList* list_ = nullptr;
  std::size_t index_ = 0;
};

inline ShareableList::Iterator ShareableList::begin() const { return {*this, 0}; }
inline ShareableList::Iterator ShareableList::end() const { return {*this, size()}; }

template <>
struct Codec<ShareableList> {
  static void encode(Writer& writer, const ShareableList& list);
  static ShareableList decode(Reader& reader);
};

}  // namespace shoal
