// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "shared/reentrant_lock.hpp"
#include "shared/value_layout.hpp"
#include "shoal/array.hpp"
#include "shoal/error.hpp"
#include "shoal/shareable.hpp"
#include "shoal/value_handle.hpp"

namespace shoal::shared {

static_assert(kElementsAt % internal::kMaxAlignment == 0 &&
              kHeaderBytes % internal::kMaxAlignment == 0);

std::optional<ValueMemory> ValueMemory::view(std::span<std::byte> memory) noexcept {
  if (memory.size() < kElementsAt) return std::nullopt;
  ValueMemory value{memory, {}};
  sync::Hardware::read(&value.shape, &value.page().shape, sizeof value.shape);
  const ValueShape& shape = value.shape;
  const bool is_sound = shape.element_bytes != 0 &&
                        shape.count <= (memory.size() - kElementsAt) / shape.element_bytes;
  if (!is_sound) return std::nullopt;
  return value;
}

}  // namespace shoal::shared

namespace shoal::internal {

using shared::Kind;

namespace {

Kind kind_of(Plain plain) {
  switch (plain) {
    case Plain::value:
      return Kind::value;
    case Plain::raw_value:
      return Kind::raw_value;
    case Plain::array:
      return Kind::array;
    case Plain::raw_array:
      return Kind::raw_array;
    case Plain::atomic:
      return Kind::atomic;
  }
  throw std::invalid_argument("there is no such shared memory");
}

std::size_t bytes_for(const ValueHandle::Make& make, std::size_t count) {
  constexpr std::size_t kMost = PTRDIFF_MAX - shared::kHeaderBytes - shared::kElementsAt;
  if (count <= kMost / make.element_bytes) return shared::kElementsAt + count * make.element_bytes;
  throw std::length_error(std::string(name_of(kind_of(make.plain))) + ": " + std::to_string(count) +
                          " elements of " + std::to_string(make.element_bytes) +
                          " bytes are more than can be counted; a negative number?");
}

// What is written before anybody else has the memory.
shared::Object::Parts create(const ValueHandle::Make& make, std::size_t count,
                             OnOwnerDeath on_owner_death) {
  const Kind kind = kind_of(make.plain);
  const std::size_t bytes = bytes_for(make, count);
  shared::Object::Parts parts =
      shared::create({.kind = kind, .type = make.type, .bytes = bytes, .is_reserved = true});
  auto& page =
      *reinterpret_cast<shared::ValuePage*>(parts.file.mapping->data() + shared::kHeaderBytes);
  page.shape = {count, make.element_bytes};
  page.lock.is_taken_over.store(on_owner_death == OnOwnerDeath::acquire, std::memory_order_relaxed);
  return parts;
}

shared::ValueMemory view(std::span<std::byte> memory) {
  const auto viewed = shared::ValueMemory::view(memory);
  if (viewed) return *viewed;
  throw CodecError("a handle arrived of shared memory that does not say what lies in it");
}

}  // namespace

void fail_at(std::size_t index, std::size_t size) {
  throw std::out_of_range("at: there is no element " + std::to_string(index) + "; the array has " +
                          std::to_string(size));
}

struct ValueHandle::State : shared::ReentrantLock {
  explicit State(Parts parts) : ReentrantLock(std::move(parts)), value(view(memory())) {}

  const shared::ValueMemory value;
};

ValueHandle::ValueHandle(std::shared_ptr<State> state)
    : state_(std::move(state)), size_(state_->value.shape.count) {}

ValueHandle::ValueHandle(const Make& make, std::size_t count, OnOwnerDeath on_owner_death)
    : ValueHandle(std::make_shared<State>(create(make, count, on_owner_death))) {
  shared::enter(state_);
}

void* ValueHandle::data(const char* call) const {
  static_cast<void>(state_->self(call));
  return state_->value.elements();
}

// --- the lock -----------------------------------------------------------------------------------

bool ValueHandle::lock(Duration timeout, const char* call) const {
  return state_->lock(timeout, call);
}
void ValueHandle::unlock(const char* call) const { state_->unlock(call); }
bool ValueHandle::take_over(const char* call) const { return state_->take_over(call); }
void ValueHandle::abandon(const char* call) const { state_->abandon(call); }

void ValueHandle::leave() const noexcept {
  if (!state_->is_mine()) return;
  try {
    state_->unlock("with");
  } catch (const Error&) {
    // A copy by fork() that was made inside, which has nothing to give back; or a process that was
    // taken for dead: the next to take the lock has been told so.
  }
}

// --- waiting ------------------------------------------------------------------------------------

bool ValueHandle::wait(bool (*has_changed)(const void* word, const void* old), const void* old,
                       Duration timeout) const {
  State& state = *state_;
  const void* const word = data("Atomic::wait");
  const auto awaited = state.await(state.value.page().changes, base::Deadline::in(timeout),
                                   [=] { return has_changed(word, old); });
  if (awaited == shared::Awaited::hub_died) shared::fail_for_hub(state, "Atomic::wait");
  return awaited == shared::Awaited::yes;
}

void ValueHandle::notify(int count) const {
  static_cast<void>(state_->self("Atomic::notify"));
  state_->value.page().changes.notify(count);
}

// --- handles ------------------------------------------------------------------------------------

void ValueHandle::encode(Writer& writer) const { state_->encode(writer); }

ValueHandle ValueHandle::decode(Reader& reader, const Make& wanted) {
  auto state = shared::receive_object<State>(reader, kind_of(wanted.plain), wanted.type);
  const bool is_array = wanted.plain == Plain::array || wanted.plain == Plain::raw_array;
  const shared::ValueShape& shape = state->value.shape;
  if (shape.element_bytes != wanted.element_bytes || (!is_array && shape.count != 1)) {
    throw CodecError("a handle arrived of shared memory that is not as long as its type");
  }
  return ValueHandle(std::move(state));
}

}  // namespace shoal::internal
