// SPDX-License-Identifier: Apache-2.0
#include "shoal/heap_handle.hpp"

#include <stdexcept>
#include <string>

#include "shared/lock_state.hpp"
#include "shoal/error.hpp"

// The memory of a heap: a LockMemory, by which its hub finds out that who held it died, and from
// kHeapOffset on what its manager has.

namespace shoal::internal {
namespace {

constexpr std::size_t kHeapOffset = 4096;
constexpr std::size_t kLeastBytes = 4096;
static_assert(sizeof(shared::LockMemory) <= kHeapOffset);

shared::ObjectOptions options(std::size_t bytes, std::uint64_t layout) {
  if (bytes < kLeastBytes) {
    throw std::invalid_argument("SharedHeap: " + std::to_string(bytes) +
                                " bytes are too few; take 4096 at least");
  }
  if (bytes > SIZE_MAX / 4) {
    throw ResourceError("cannot make a SharedHeap of " + std::to_string(bytes) +
                        " bytes: no memory has room for that many");
  }
  return {.kind = shared::Kind::heap,
          .type = layout,
          .bytes = kHeapOffset + bytes,
          .is_reserved = true};
}

}  // namespace

struct HeapHandle::State : shared::LockState {
  explicit State(Parts parts) : LockState(std::move(parts)) {
    if (memory().size() < kHeapOffset + kLeastBytes) {
      throw CodecError("a SharedHeap arrived that is too small for one");
    }
  }
  std::span<std::byte> heap() const noexcept { return memory().subspan(kHeapOffset); }
};

HeapHandle::HeapHandle(std::size_t bytes, std::uint64_t layout, Format format)
    : state_(shared::create_object<State>(options(bytes, layout))) {
  format(state_->heap());
}

std::span<std::byte> HeapHandle::memory() const {
  static_cast<void>(state_->self("SharedHeap::segment"));
  return state_->heap();
}

bool HeapHandle::lock(Duration timeout, const char* call) const {
  try {
    return state_->lock(timeout, call);
  } catch (const OwnerDiedError&) {
    if (!state_->is_hub_alive()) throw;
    throw OwnerDiedError(std::string(call) +
                         ": the process that held the heap died, perhaps amid a change: the heap "
                         "is lost; call reset() to make it empty anew");
  }
}

void HeapHandle::unlock() const { state_->unlock("SharedHeap::unlock"); }

// Who takes it over holds the lock; if he dies, too, it is lost again.
bool HeapHandle::reset(Format format) const {
  for (;;) {
    try {
      state_->lock(forever, "SharedHeap::reset");
      unlock();
      return false;
    } catch (const OwnerDiedError&) {
      if (!state_->is_hub_alive()) throw;
    }
    if (!state_->take_over("SharedHeap::reset")) continue;  // another has reset it meanwhile
    format(state_->heap());
    unlock();
    return true;
  }
}

void HeapHandle::encode(Writer& writer) const { state_->encode(writer); }

HeapHandle HeapHandle::decode(Reader& reader, std::uint64_t layout) {
  return HeapHandle(shared::receive_object<State>(reader, shared::Kind::heap, layout));
}

void HeapHandle::fail_full(std::size_t bytes, std::size_t free) {
  throw ResourceError("SharedHeap: what was asked for does not fit a heap of " +
                      std::to_string(bytes) + " bytes, of which " + std::to_string(free) +
                      " are free, perhaps in pieces; make it larger");
}

}  // namespace shoal::internal
