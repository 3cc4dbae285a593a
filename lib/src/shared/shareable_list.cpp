// SPDX-License-Identifier: Apache-2.0
#include "shoal/shareable_list.hpp"

#include <array>
#include <cstring>
#include <stdexcept>

#include "shared/list_layout.hpp"
#include "shoal/error.hpp"
#include "shoal/shared_memory.hpp"

namespace shoal {
namespace {

using shared::List;
using shared::ListKind;
using shared::ListValue;
using Item = ShareableList::Item;

constexpr std::size_t kLongest = std::size_t{1} << 32;   // what a slot can say of an entry
constexpr std::size_t kLargest = std::size_t{32} << 30;  // and of its place
constexpr std::array<const char*, shared::kListKinds> kNames{"nothing",  "a bool", "an integer",
                                                             "a double", "text",   "bytes"};

static_assert(std::variant_size_v<Item> == shared::kListKinds);

template <class T>
std::vector<std::byte> bytes_of(const T* first, std::size_t count) {
  const auto bytes = std::as_bytes(std::span(first, count));
  return {bytes.begin(), bytes.end()};
}

ListValue to_value(const Item& item) {
  ListValue value{static_cast<ListKind>(item.index())};
  value.bytes = std::visit(
      [](const auto& held) -> std::vector<std::byte> {
        using Held = std::remove_cvref_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, std::nullptr_t>) {
          return {};
        } else if constexpr (std::is_arithmetic_v<Held>) {
          return bytes_of(&held, 1);
        } else {
          return bytes_of(held.data(), held.size());
        }
      },
      item);
  return value;
}

[[noreturn]] void fail_scribbled(std::size_t index) {
  throw CodecError("ShareableList: somebody has scribbled over entry " + std::to_string(index));
}

template <class T>
T number_in(const ListValue& value) {
  T number;
  std::memcpy(&number, value.bytes.data(), sizeof number);  // their number was checked
  return number;
}

Item to_item(std::size_t index, ListValue value) {
  switch (value.kind) {
    case ListKind::nothing:
      return nullptr;
    case ListKind::boolean:
      if (value.bytes[0] > std::byte{1}) fail_scribbled(index);
      return value.bytes[0] == std::byte{1};
    case ListKind::integer:
      return number_in<std::int64_t>(value);
    case ListKind::real:
      return number_in<double>(value);
    case ListKind::text:
      return std::string(reinterpret_cast<const char*>(value.bytes.data()), value.bytes.size());
    case ListKind::bytes:
      return std::move(value.bytes);
  }
  fail_scribbled(index);
}

}  // namespace

struct ShareableList::State {
  State(SharedMemory of, std::size_t entries) : memory(std::move(of)), size(entries) {}

  // Fails in a forked copy of the process.
  List list(std::size_t index) const {
    const std::optional<List> found = List::find(memory.span());
    if (!found || found->size() != size) {
      throw CodecError("ShareableList: somebody has scribbled over its header");
    }
    if (index < size) return *found;
    throw std::out_of_range("ShareableList: there is no entry " + std::to_string(index) +
                            "; the list has " + std::to_string(size));
  }

  static std::shared_ptr<const State> make(std::span<const std::size_t> capacities) {
    const std::size_t bytes = shared::list_bytes(capacities);
    if (bytes > kLargest) throw std::invalid_argument("ShareableList: more than 32 GiB");
    const SharedMemory memory = SharedMemory::create(bytes);
    List::make(memory.span(), capacities);
    return std::make_shared<const State>(memory, capacities.size());
  }

  const SharedMemory memory;
  const std::size_t size;
};

ShareableList::ShareableList(std::span<const Item> items) {
  std::vector<std::size_t> capacities;
  capacities.reserve(items.size());
  for (const Item& item : items) {
    const std::size_t bytes = to_value(item).bytes.size();
    if (bytes > kLongest - 8) throw std::invalid_argument("ShareableList: 4 GiB in an entry");
    capacities.push_back(shared::list_capacity(bytes));
  }
  state_ = State::make(capacities);
  for (std::size_t i = 0; i < items.size(); ++i) set(i, items[i]);
}

std::size_t ShareableList::size() const {
  static_cast<void>(state_->memory.size());  // fails in a forked copy of the process
  return state_->size;
}

Item ShareableList::get(std::size_t index) const {
  std::optional<ListValue> value = state_->list(index).get(index);
  if (!value) fail_scribbled(index);
  return to_item(index, std::move(*value));
}

void ShareableList::set(std::size_t index, const Item& item) const {
  const List list = state_->list(index);
  const ListValue value = to_value(item);
  const std::optional<std::size_t> capacity = list.capacity(index);
  if (!capacity) fail_scribbled(index);
  if (value.bytes.size() > *capacity) {
    throw std::invalid_argument(
        "ShareableList::set: a value of " + std::to_string(value.bytes.size()) +
        " bytes exceeds available storage of entry " + std::to_string(index) + ", " +
        std::to_string(*capacity) + " bytes; make the list with a longer one there");
  }
  if (!list.set(index, value.kind, value.bytes)) fail_scribbled(index);
}

std::optional<std::size_t> ShareableList::index(const Item& value) const {
  for (std::size_t i = 0; i < size(); ++i) {
    if (get(i) == value) return i;
  }
  return std::nullopt;
}

std::size_t ShareableList::count(const Item& value) const {
  std::size_t count = 0;
  for (const Item& item : *this) count += item == value ? 1 : 0;
  return count;
}

ShareableList ShareableList::copy() const {
  std::vector<std::size_t> capacities;
  for (std::size_t i = 0; i < size(); ++i) {
    const std::optional<std::size_t> capacity = state_->list(i).capacity(i);
    if (!capacity) fail_scribbled(i);
    capacities.push_back(*capacity);
  }
  const ShareableList copied(State::make(capacities));
  for (std::size_t i = 0; i < size(); ++i) copied.set(i, get(i));
  return copied;
}

void ShareableList::fail_type(std::size_t index, const Item& item) {
  throw CodecError("ShareableList::get: entry " + std::to_string(index) + " holds " +
                   kNames[item.index()] + ", which the type that was asked for has not");
}

void Codec<ShareableList>::encode(Writer& writer, const ShareableList& list) {
  writer.put(list.state_->memory);
}

ShareableList Codec<ShareableList>::decode(Reader& reader) {
  const auto memory = reader.get<SharedMemory>();
  // What has a name is not sealed, and lists have none.
  const std::optional<List> list = memory.name().empty() ? List::find(memory.span()) : std::nullopt;
  if (!list) throw CodecError("a handle's memory is not that of a ShareableList");
  return ShareableList(std::make_shared<const ShareableList::State>(memory, list->size()));
}

}  // namespace shoal
