// SPDX-License-Identifier: Apache-2.0
#include "shared/named_memory.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/deadline.hpp"
#include "base/log.hpp"
#include "base/or_resource_error.hpp"
#include "base/scope_exit.hpp"
#include "os/byte_lock.hpp"
#include "os/files.hpp"
#include "os/memfd.hpp"
#include "os/reserve.hpp"
#include "shoal/error.hpp"

namespace shoal::shared {
namespace {

constexpr const char* kFolder = "/dev/shm";
constexpr std::string_view kPrefix = "shoal.";
constexpr std::string_view kUnfinished = ".shoal-";
constexpr std::size_t kLongestName = 255 - kPrefix.size();
constexpr std::size_t kOwned = 0, kRemoved = 1;  // which bytes are locked
constexpr std::uint64_t kMagic = 0x4d454d4c414f4853;
constexpr unsigned kPermissions = 0600;

// Who removes a name does so within microseconds, unless it is stopped meanwhile.
constexpr std::chrono::seconds kPatience{1};
constexpr std::chrono::milliseconds kPause{1};

struct NamedHeader {
  std::uint64_t magic;
  std::uint64_t version;
  std::uint64_t bytes;  // of the whole file
};
static_assert(sizeof(NamedHeader) <= kNamedHeaderBytes);

std::string path_in_folder(std::string_view prefix, std::string_view rest) {
  return std::string(kFolder).append("/").append(prefix).append(rest);
}
std::string path_of(std::string_view name) { return path_in_folder(kPrefix, name); }

std::string draw_path() {
  std::random_device lots;
  std::array<char, 17> number{};
  std::snprintf(number.data(), number.size(), "%08x%08x", lots(), lots());
  return path_in_folder(kUnfinished, number.data());
}

[[noreturn]] void fail(int error, const std::string& what) {
  throw Error(std::error_code(error, std::generic_category()), what);
}

// --- what stands under a name -------------------------------------------------------------------

bool has_header(int fd, std::size_t file_bytes) noexcept {
  NamedHeader header{};
  const auto bytes = std::as_writable_bytes(std::span(&header, 1));
  return os::read_at(fd, 0, bytes) && header.magic == kMagic && header.version == 1 &&
         header.bytes == file_bytes && file_bytes > kNamedHeaderBytes;
}

// Empty: it is memory of this user's. Otherwise why it is not.
std::string why_foreign(const os::FileFacts& facts) {
  if (!facts.is_regular) return "it is no regular file";
  if (facts.user != os::effective_user()) return "it belongs to user " + std::to_string(facts.user);
  if (facts.permissions != kPermissions) return "others than its user may open it";
  return "";
}

enum class Removal { done, gone, owned, busy, foreign };

bool is_still(const char* path, os::FileId id) noexcept {
  const os::Result<os::FileFacts> facts = os::facts_of(path);
  return facts && facts->id == id;
}

// Invariant 4. `fd` is open for the file `id`.
Removal take_name(const char* path, int fd, os::FileId id) noexcept {
  const os::Result<bool> locked = os::try_lock_byte(fd, kRemoved);
  if (!locked) return Removal::foreign;
  if (!*locked) return Removal::busy;
  if (!is_still(path, id)) return Removal::gone;
  return os::remove_file(path) ? Removal::done : Removal::foreign;
}

bool is_unfinished(std::string_view path) noexcept {
  return path.substr(std::string_view(kFolder).size() + 1).starts_with(kUnfinished);
}

// Removes the file if nobody owns it any more.
Removal remove_if_dead(const char* path) {
  const os::Result<os::FileFacts> named = os::facts_of(path);
  if (!named) return named.error().error == ENOENT ? Removal::gone : Removal::foreign;
  if (!why_foreign(*named).empty()) return Removal::foreign;
  const os::Result<os::Fd> file = os::open_to_share(path);
  if (!file) return file.error().error == ENOENT ? Removal::gone : Removal::foreign;
  const os::Result<os::FileFacts> facts = os::facts_of(file->get());
  if (!facts || !why_foreign(*facts).empty()) return Removal::foreign;
  const os::Result<bool> owned = os::is_byte_locked(file->get(), kOwned);
  if (!owned) return Removal::foreign;
  if (*owned) return Removal::owned;
  if (!is_unfinished(path) && !has_header(file->get(), facts->bytes)) return Removal::foreign;
  return take_name(path, file->get(), facts->id);
}

// Calls `remove` until nobody else is at it.
template <class Remove>
Removal remove_in_turn(Remove remove) {
  for (const base::Deadline deadline = base::Deadline::in(kPatience);;) {
    const Removal removal = remove();
    if (removal != Removal::busy || deadline.is_past()) return removal;
    std::this_thread::sleep_for(kPause);
  }
}

void log_removed(unsigned count, const char* whose) noexcept {
  std::array<char, 128> text{};
  std::snprintf(text.data(), text.size(), "%u leaked shared memory segment(s) of %s removed", count,
                whose);
  base::log(LogLevel::warn, text.data());
}

// --- making one ---------------------------------------------------------------------------------

// False where the name is taken by somebody who lives, or by no memory at all.
bool make_way(const std::string& path) {
  const Removal removal = remove_in_turn([&] { return remove_if_dead(path.c_str()); });
  if (removal == Removal::done) log_removed(1, "a dead process");
  return removal == Removal::done || removal == Removal::gone;
}

[[noreturn]] void fail_taken(const std::string& name) {
  fail(EEXIST, "SharedMemory::create: the name \"" + name + "\" is taken by " + path_of(name) +
                   "; attach() to it, or take another");
}

void write_header(int fd, std::size_t file_bytes) {
  const NamedHeader header{kMagic, 1, file_bytes};
  base::or_resource_error(os::write_all(fd, std::as_bytes(std::span(&header, 1))),
                          "SharedMemory::create");
}

// A complete file that has no name yet but `path`; none where it was swept meanwhile.
std::optional<OwnedFile> make_unfinished(const std::string& path, std::size_t bytes) {
  const std::string attempt = "SharedMemory::create: cannot have " + std::to_string(bytes) +
                              " bytes in " + std::string(kFolder);
  const std::size_t file_bytes = kNamedHeaderBytes + bytes;
  OwnedFile made{{}, base::or_resource_error(os::UnforkedFd::create_file(path.c_str()), attempt)};
  base::or_resource_error(os::try_lock_byte(made.owner.get(), kOwned), attempt);
  base::or_resource_error(os::resize(made.owner.get(), file_bytes), attempt);
  base::or_resource_error(os::reserve(made.owner.get(), file_bytes), attempt);
  write_header(made.owner.get(), file_bytes);
  os::Result<os::Fd> file = os::open_to_share(path.c_str());
  if (!file && file.error().error == ENOENT) return std::nullopt;
  made.named.file = base::or_resource_error(std::move(file), attempt);
  made.named.id = base::or_resource_error(os::facts_of(made.owner.get()), attempt).id;
  made.named.bytes = bytes;
  return made;
}

// False if the unfinished file was swept.
bool give_name(const std::string& from, const std::string& name) {
  for (const std::string to = path_of(name);;) {
    const os::Result<void> renamed = os::rename_to_unused(from.c_str(), to.c_str());
    if (renamed) return true;
    const int error = renamed.error().error;
    if (error == ENOENT) return false;
    if (error != EEXIST) base::throw_resource_error(renamed.error(), "SharedMemory::create");
    if (!make_way(to)) fail_taken(name);
  }
}

}  // namespace

void check_name(std::string_view name, const char* call) {
  const auto refuse = [&](const std::string& why) {
    throw std::invalid_argument(std::string(call) + ": the name \"" + std::string(name) + "\" " +
                                why);
  };
  if (name.empty()) refuse("is empty; give one, or none for memory without a name");
  if (name.size() > kLongestName) {
    refuse("is longer than " + std::to_string(kLongestName) + " bytes");
  }
  if (name.find('/') != name.npos || name.find('\0') != name.npos) {
    refuse("holds a '/' or a zero byte");
  }
}

OwnedFile create_named(const std::string& name, std::size_t bytes) {
  if (!make_way(path_of(name))) fail_taken(name);  // before memory is asked for
  for (;;) {
    const std::string path = draw_path();
    base::ScopeExit remove([&] { static_cast<void>(os::remove_file(path.c_str())); });
    std::optional<OwnedFile> made = make_unfinished(path, bytes);
    if (!made || !give_name(path, name)) continue;
    remove.release();
    return std::move(*made);
  }
}

NamedFile open_named(const std::string& name) {
  const std::string path = path_of(name);
  const std::string attempt = "SharedMemory::attach: ";
  const auto fail_missing = [&] {
    fail(ENOENT, attempt + "there is no shared memory \"" + name + "\" (" + path + ")");
  };
  const auto check = [&](const os::Result<os::FileFacts>& facts) {
    if (!facts && facts.error().error == ENOENT) fail_missing();
    if (!facts) fail(facts.error().error, attempt + facts.error().to_string());
    if (const std::string why = why_foreign(*facts); !why.empty()) {
      fail(EACCES, attempt + path + " is not this user's shared memory: " + why);
    }
    return *facts;
  };
  check(os::facts_of(path.c_str()));  // nothing but a regular file is even opened
  os::Result<os::Fd> file = os::open_to_share(path.c_str());
  if (!file && file.error().error != ENOENT) {
    base::throw_resource_error(file.error(), "SharedMemory::attach");
  }
  const os::FileFacts facts = check(file ? os::facts_of(file->get()) : file.error());
  if (!has_header(file->get(), facts.bytes)) {
    fail(EINVAL, attempt + path + " is not shoal's, or of another version of it");
  }
  const os::Result<bool> is_owned = os::is_byte_locked(file->get(), kOwned);
  if (is_owned && !*is_owned && make_way(path)) fail_missing();
  return {std::move(*file), facts.id, facts.bytes - kNamedHeaderBytes};
}

void remove_named(const std::string& name, os::FileId id) {
  const std::string path = path_of(name);
  const std::string attempt = "SharedMemory::unlink: ";
  os::Result<void> last{};
  const Removal removal = remove_in_turn([&] {
    if (!is_still(path.c_str(), id)) return Removal::gone;
    const os::Result<os::Fd> file = os::open_to_share(path.c_str());
    if (!file) last = file.error();
    return file ? take_name(path.c_str(), file->get(), id) : Removal::foreign;
  });
  if (removal == Removal::done) return;
  if (removal == Removal::gone || (!last && last.error().error == ENOENT)) {
    fail(ENOENT, attempt + "the name \"" + name + "\" (" + path + ") is no longer that memory's");
  }
  fail(removal == Removal::busy ? EBUSY
       : last                   ? EPERM
                                : last.error().error,
       attempt + "cannot remove " + path);
}

bool is_named_file(int fd, std::size_t bytes) noexcept {
  const os::Result<os::FileFacts> facts = os::facts_of(fd);
  return facts && facts->is_regular && os::is_in_memory(fd) && bytes > 0 &&
         facts->bytes > kNamedHeaderBytes && facts->bytes - kNamedHeaderBytes == bytes &&
         has_header(fd, facts->bytes);
}

void sweep_named() {
  const auto names = os::list_folder(kFolder, kPrefix, kUnfinished);
  if (!names) return;  // without the folder, or the right to read it, there is nothing of ours
  unsigned removed = 0;
  for (const std::string& name : *names) {
    const bool is_done = remove_if_dead(path_in_folder("", name).c_str()) == Removal::done;
    if (is_done && !name.starts_with(kUnfinished)) ++removed;
  }
  if (removed != 0) log_removed(removed, "dead processes");
}

}  // namespace shoal::shared
