// SPDX-License-Identifier: Apache-2.0
#include "shared/object.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/or_resource_error.hpp"
#include "os/event.hpp"
#include "os/fork_generation.hpp"
#include "os/host.hpp"
#include "os/reserve.hpp"
#include "shared/commons.hpp"
#include "shoal/codec.hpp"
#include "shoal/error.hpp"

namespace shoal::shared {
namespace {

// As it was at the first object: a thread that is bound to a CPU later on does not wait for others
// of that CPU.
bool has_several_cpus() {
  static const bool has_several = os::usable_cpus() > 1;
  return has_several;
}

}  // namespace

Object::Object(Parts parts)
    : parts_(std::move(parts)),
      memory_(parts_.file.mapping->bytes().subspan(kHeaderBytes)),
      generation_(os::fork_generation()) {
  static_cast<void>(has_several_cpus());
  Commons::instance().attach(parts_.file, *parts_.membership);
}

Object::~Object() {
  if (!is_copy()) Commons::instance().detach(parts_.file, *parts_.membership);
}

bool Object::is_copy() const noexcept { return generation_ != os::fork_generation(); }

sync::ParticipantId Object::self(const char* call) const {
  if (!is_copy()) return parts_.membership->id;
  throw ClosedError(std::string(call) +
                    ": this handle was made before a fork() and belongs to the process before it; "
                    "hand handles to processes as arguments");
}

bool Object::is_hub_alive() const noexcept { return parts_.membership->is_hub_alive(); }
bool Object::is_own() const noexcept { return parts_.membership->is_own; }
const HubAddress& Object::hub() const noexcept { return parts_.membership->address; }
int Object::hub_pid() const noexcept { return parts_.membership->address.pid; }

base::Deadline Object::second_look(base::Deadline deadline) noexcept {
  return std::min(deadline, base::Deadline::in(kSecondLook));
}

// --- polling before sleeping --------------------------------------------------------------------

bool Object::may_poll() {
  if (!has_several_cpus()) return false;
  if (!has_polled_in_vain_.load(std::memory_order_relaxed)) return true;
  const std::lock_guard guard(polling_);
  return spin_history_.should_spin();
}

bool Object::polled(bool has_found) {
  if (has_found && !has_polled_in_vain_.load(std::memory_order_relaxed)) return true;
  const std::lock_guard guard(polling_);
  spin_history_.spun(has_found);
  has_polled_in_vain_.store(!has_found, std::memory_order_relaxed);
  return has_found;
}

void Object::sleep(const sync::Eventcount<sync::Hardware>& changes, std::uint32_t key,
                   base::Deadline deadline) {
  const auto before = base::Deadline::Clock::now();
  changes.wait(key, second_look(deadline));
  const std::lock_guard guard(polling_);
  spin_history_.slept(base::Deadline::Clock::now() - before);
}

// --- handles ------------------------------------------------------------------------------------

void Object::encode(Writer& writer) const {
  static_cast<void>(self("a handle's encoding"));
  const HubAddress& hub = parts_.membership->address;
  if (parts_.membership->is_own) Commons::instance().hub().adopt(parts_.file);
  writer.put(parts_.file.id.hub);
  writer.put(parts_.file.id.number);
  writer.put(hub.pid);
  writer.put(parts_.file.bell != nullptr);
  writer.put_fd(parts_.descriptor);
  writer.put_fd(hub.door);
  writer.put_fd(hub.sentinel);
  if (parts_.file.bell != nullptr) writer.put_fd(parts_.file.bell);
}

Object::Parts create(const ObjectOptions& options) {
  Commons& commons = Commons::instance();
  std::shared_ptr<const Membership> membership = commons.own_membership();
  const ObjectId id{membership->address.hub, commons.hub().next_number()};
  NewObjectFile made = create_object_file(id, options.kind, options.type, options.bytes);
  const std::string attempt = std::string("cannot make a ") + name_of(options.kind);
  if (options.is_reserved) {
    base::or_resource_error(os::reserve(made.descriptor->get(), made.file.mapping->size()),
                            attempt);
  }
  if (options.has_bell) {
    made.file.bell =
        std::make_shared<const UniqueFd>(base::or_resource_error(os::create_event(), attempt));
  }
  return {std::move(made.file), std::move(made.descriptor), std::move(membership)};
}

void enter(const std::shared_ptr<Object>& object) { Commons::instance().enter(object); }

namespace {

struct Received {
  ObjectId id;
  HubAddress hub;
  std::shared_ptr<const UniqueFd> file;
  std::shared_ptr<const UniqueFd> bell;
};

Received read_handle(Reader& reader) {
  Received handle;
  handle.id.hub = handle.hub.hub = reader.get<std::uint64_t>();
  handle.id.number = reader.get<std::uint64_t>();
  handle.hub.pid = reader.get<int>();
  const bool has_bell = reader.get<bool>();
  handle.file = reader.take_fd();
  handle.hub.door = reader.take_fd();
  handle.hub.sentinel = reader.take_fd();
  if (has_bell) handle.bell = reader.take_fd();
  return handle;
}

void check(const ObjectFile& file, Kind kind, std::uint64_t type) {
  if (file.kind != kind) {
    throw CodecError(std::string("a handle of a ") + name_of(file.kind) + " arrived where a " +
                     name_of(kind) + " was asked for");
  }
  if (file.type != type) {
    throw CodecError(std::string("a ") + name_of(kind) +
                     " arrived that carries another type than was asked for, or one of that name "
                     "with other members");
  }
}

// Who takes an object into use that its hub has let go of brings its file back.
void have_adopted(const Object::Parts& parts) {
  if (parts.membership->is_own) return Commons::instance().hub().adopt(parts.file);
  if (parts.file.page().is_adopted.load(std::memory_order_acquire) != 0) return;
  std::array<int, 2> fds{parts.descriptor->get(), -1};
  const bool has_bell = parts.file.bell != nullptr;
  if (has_bell) fds[1] = parts.file.bell->get();
  Commons::instance().tether().ask(parts.membership->address,
                                   {.ask = Ask::adopt, .subject = parts.file.id.number},
                                   std::span(fds).first(has_bell ? 2 : 1));
}

}  // namespace

std::shared_ptr<Object> receive(Reader& reader, Kind kind, std::uint64_t type,
                                std::shared_ptr<Object> (*make)(Object::Parts parts)) {
  Received handle = read_handle(reader);
  Commons& commons = Commons::instance();
  if (std::shared_ptr<Object> known = commons.find(handle.id)) {
    check(known->file(), kind, type);
    return known;
  }
  ObjectFile file = map_object_file(handle.file->get(), handle.id);
  check(file, kind, type);
  file.bell = std::move(handle.bell);
  const Object::Parts parts{std::move(file), std::move(handle.file), commons.join(handle.hub)};
  const std::shared_ptr<Object> made = make(parts);  // from here on the file has a user here
  have_adopted(parts);
  return commons.enter(made);
}

}  // namespace shoal::shared
