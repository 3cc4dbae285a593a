// SPDX-License-Identifier: Apache-2.0
#include "shoal/shared_memory.hpp"

#include <cerrno>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "base/or_resource_error.hpp"
#include "base/scope_exit.hpp"
#include "os/fork_generation.hpp"
#include "os/memfd.hpp"
#include "os/reserve.hpp"
#include "shared/memories.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

using shared::Memories;
using shared::SharedFile;

constexpr const char* kMemoryName = "shoal-memory";

void check_bytes(std::size_t bytes) {
  if (bytes == 0) {
    throw std::invalid_argument("SharedMemory::create: `bytes` is 0; memory has at least one");
  }
  if (bytes > PTRDIFF_MAX - shared::kNamedHeaderBytes) {
    throw std::invalid_argument("SharedMemory::create: " + std::to_string(bytes) +
                                " bytes are more than a program can address");
  }
}

SharedFile create_anonymous(std::size_t bytes) {
  const std::string attempt =
      "SharedMemory::create: cannot have " + std::to_string(bytes) + " bytes of memory";
  os::Fd file = base::or_resource_error(os::create_shared_file(kMemoryName, bytes), attempt);
  base::or_resource_error(os::reserve(file.get(), bytes), attempt);
  base::or_resource_error(os::seal(file.get(), os::Writers::those_who_map_it), attempt);
  const os::FileId id = base::or_resource_error(os::facts_of(file.get()), attempt).id;
  memory::Mapping mapping = base::or_resource_error(
      memory::Mapping::map(file.get(), bytes, memory::Access::read_write), attempt);
  return {"", id, bytes, std::move(mapping), std::make_shared<const os::Fd>(std::move(file))};
}

std::shared_ptr<const SharedFile> enter(SharedFile memory) {
  return Memories::instance().enter(std::move(memory));
}

// The memory of a named file, mapped at the first use in this process.
std::shared_ptr<const SharedFile> map_named(std::string name, shared::NamedFile file,
                                            const char* attempt) {
  if (auto known = Memories::instance().find(file.id)) return known;
  const std::size_t size = shared::kNamedHeaderBytes + file.bytes;
  memory::Mapping mapping = base::or_resource_error(
      memory::Mapping::map(file.file.get(), size, memory::Access::read_write), attempt);
  return enter({std::move(name), file.id, file.bytes, std::move(mapping),
                std::make_shared<const os::Fd>(std::move(file.file))});
}

// Of a name that has come to nothing.
void abandon(const std::string& name, os::FileId id) noexcept {
  try {
    shared::remove_named(name, id);
  } catch (const std::exception&) {
    // whoever sweeps next will: nobody owns it from here on
  }
  Memories::instance().disown(id);
}

}  // namespace

struct SharedMemory::State {
  explicit State(std::shared_ptr<const SharedFile> file)
      : name(file->name), id(file->id), bytes(file->bytes), open(std::move(file)) {}

  void check(const char* call) const {
    if (generation == os::fork_generation()) return;
    throw ClosedError(std::string(call) +
                      ": this handle was made before a fork() and belongs to the process before "
                      "it; hand handles to processes as arguments");
  }
  std::shared_ptr<const SharedFile> get(const char* call) {
    check(call);
    const std::lock_guard guard(mutex);
    if (open == nullptr) throw ClosedError(std::string(call) + ": close() was called");
    return open;
  }

  const std::string name;
  const os::FileId id;
  const std::size_t bytes;
  const std::uint32_t generation = os::fork_generation();
  std::mutex mutex;
  std::shared_ptr<const SharedFile> open;  // guarded by mutex; none: closed
};

SharedMemory SharedMemory::create(std::size_t bytes) {
  check_bytes(bytes);
  return SharedMemory(std::make_shared<State>(enter(create_anonymous(bytes))));
}

SharedMemory SharedMemory::create(std::size_t bytes, std::string_view name) {
  check_bytes(bytes);
  shared::check_name(name, "SharedMemory::create");
  Memories& memories = Memories::instance();
  memories.sweep();
  shared::OwnedFile made = shared::create_named(std::string(name), bytes);
  const os::FileId id = made.named.id;
  base::ScopeExit undo([&, owned = std::string(name)] { abandon(owned, id); });
  memories.own(std::string(name), id, std::move(made.owner));
  SharedMemory memory(std::make_shared<State>(
      map_named(std::string(name), std::move(made.named), "SharedMemory::create")));
  undo.release();
  return memory;
}

SharedMemory SharedMemory::attach(std::string_view name) {
  shared::check_name(name, "SharedMemory::attach");
  Memories::instance().sweep();
  shared::NamedFile file = shared::open_named(std::string(name));
  return SharedMemory(std::make_shared<State>(
      map_named(std::string(name), std::move(file), "SharedMemory::attach")));
}

std::span<std::byte> SharedMemory::span() const {
  return state_->get("SharedMemory::span")->memory();
}

const std::string& SharedMemory::name() const {
  state_->check("SharedMemory::name");
  return state_->name;
}

std::size_t SharedMemory::size() const {
  state_->check("SharedMemory::size");
  return state_->bytes;
}

void SharedMemory::close() const {
  state_->check("SharedMemory::close");
  std::shared_ptr<const SharedFile> closed;
  {
    const std::lock_guard guard(state_->mutex);
    closed.swap(state_->open);
  }
  if (!state_->name.empty()) Memories::instance().sweep();
}

void SharedMemory::unlink() const {
  state_->check("SharedMemory::unlink");
  if (state_->name.empty()) {
    throw Error(std::make_error_code(std::errc::no_such_file_or_directory),
                "SharedMemory::unlink: this memory has no name; it goes with its last holder");
  }
  Memories& memories = Memories::instance();
  shared::remove_named(state_->name, state_->id);
  memories.disown(state_->id);
  memories.sweep();
}

// --- handles ------------------------------------------------------------------------------------

namespace {

[[noreturn]] void fail_foreign(const char* why) {
  throw CodecError(std::string("a handle's memory is not that of a SharedMemory: ") + why);
}

// What somebody else sent, mapped and checked.
memory::Mapping map_received(int fd, const std::string& name, std::size_t bytes) {
  const bool is_named = !name.empty();
  if (is_named && !shared::is_named_file(fd, bytes)) fail_foreign("it is no such named file");
  const std::size_t size = is_named ? shared::kNamedHeaderBytes + bytes : bytes;
  os::Result<memory::Mapping> mapped =
      is_named ? memory::Mapping::map(fd, size, memory::Access::read_write)
               : memory::Mapping::map_foreign(fd, size, memory::Access::read_write);
  if (!mapped && mapped.error().error == EPROTO) fail_foreign("it is not sealed, or of that size");
  if (!mapped && mapped.error().error == EACCES) fail_foreign("it may not be written to");
  return base::or_resource_error(std::move(mapped), "cannot map a SharedMemory");
}

std::shared_ptr<const SharedFile> receive(std::string name, std::size_t bytes,
                                          std::shared_ptr<const UniqueFd> file) {
  if (!name.empty()) {
    try {
      shared::check_name(name, "a handle");
    } catch (const std::invalid_argument& error) {
      fail_foreign(error.what());
    }
  }
  if (bytes == 0 || bytes > PTRDIFF_MAX - shared::kNamedHeaderBytes) fail_foreign("its size");
  const os::Result<os::FileFacts> facts = os::facts_of(file->get());
  if (!facts || !facts->is_regular) fail_foreign("it is no file");
  if (auto known = Memories::instance().find(facts->id)) {
    if (known->name != name || known->bytes != bytes) fail_foreign("it is another's");
    return known;
  }
  memory::Mapping mapping = map_received(file->get(), name, bytes);
  return enter({std::move(name), facts->id, bytes, std::move(mapping), std::move(file)});
}

}  // namespace

void Codec<SharedMemory>::encode(Writer& writer, const SharedMemory& memory) {
  const auto file = memory.state_->get("a handle's encoding");
  writer.put(file->name);
  writer.put(std::uint64_t{file->bytes});
  writer.put_fd(file->descriptor);
}

SharedMemory Codec<SharedMemory>::decode(Reader& reader) {
  auto name = reader.get<std::string>();
  const auto bytes = reader.get<std::uint64_t>();
  return SharedMemory(
      std::make_shared<SharedMemory::State>(receive(std::move(name), bytes, reader.take_fd())));
}

}  // namespace shoal
