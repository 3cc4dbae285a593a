// SPDX-License-Identifier: Apache-2.0
#include "channel/socket_file.hpp"

#include <cerrno>

#include "base/deadline.hpp"
#include "base/scope_exit.hpp"
#include "os/network.hpp"
#include "shoal/error.hpp"

namespace shoal::channel {
namespace {

[[noreturn]] void fail(const std::string& path, std::errc code, const std::string& why) {
  throw Error(std::make_error_code(code), "Listener(unix:" + path + "): " + why);
}

template <class T>
T value_of(os::Result<T> result, const std::string& path) {
  if (!result) fail(path, static_cast<std::errc>(result.error().error), result.error().to_string());
  return std::move(*result);
}

std::string lock_name(const std::string& path) { return path + ".lock"; }

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

void make_folders(const std::string& folder, const std::string& path) {
  for (std::size_t end = 1; end != std::string::npos;) {
    end = folder.find('/', end + 1);
    const std::string part = folder.substr(0, end);
    if (value_of(os::status_of(part.c_str(), os::Links::follow), path).kind !=
        os::FileKind::missing) {
      continue;
    }
    const os::Result<void> made = os::make_private_folder(part.c_str());
    if (!made && made.error().error != EEXIST) {
      fail(path, static_cast<std::errc>(made.error().error), made.error().to_string());
    }
  }
}

// Nobody else may put another socket in the place of ours.
void require_safe_folder(const std::string& folder, const std::string& path) {
  const os::FileStatus status = value_of(os::status_of(folder.c_str(), os::Links::follow), path);
  constexpr unsigned kSticky = 01000;
  constexpr unsigned kWritableByOthers = 022;
  if (status.kind != os::FileKind::folder) {
    fail(path, std::errc::not_a_directory, folder + " is no folder");
  }
  if (status.owner != os::effective_user() && status.owner != 0) {
    fail(path, std::errc::permission_denied,
         folder + " belongs to user " + std::to_string(status.owner) +
             "; take a folder of this user's own");
  }
  if ((status.mode & kWritableByOthers) != 0 && (status.mode & kSticky) == 0) {
    fail(path, std::errc::permission_denied,
         "others may change " + folder + "; chmod it to 700, or take another folder");
  }
}

// Locks the file that stands under that name then: an earlier holder removes it with its right.
os::Fd lock_name_of(const std::string& path) {
  const std::string name = lock_name(path);
  for (;;) {
    os::Fd lock = value_of(os::open_private_file(name.c_str()), path);
    const os::FileStatus opened = value_of(os::status_of(lock.get()), path);
    if (opened.owner != os::effective_user()) {
      fail(path, std::errc::permission_denied,
           name + " belongs to user " + std::to_string(opened.owner));
    }
    if (!value_of(os::try_lock_file(lock.get()), path)) {
      fail(path, std::errc::address_in_use, "another listener has this address");
    }
    const os::FileStatus named = value_of(os::status_of(name.c_str()), path);
    if (opened.is_same_file(named)) return lock;
  }
}

void remove_leftover(const std::string& path) {
  const os::FileStatus found = value_of(os::status_of(path.c_str()), path);
  if (found.kind == os::FileKind::missing) return;
  if (found.kind != os::FileKind::socket) {
    fail(path, std::errc::file_exists, "what stands there is no socket");
  }
  if (found.owner != os::effective_user()) {
    fail(path, std::errc::permission_denied,
         "the socket there belongs to user " + std::to_string(found.owner));
  }
  // One who listens without this lock, such as another library, refuses nobody.
  const os::Result<os::Fd> probe = os::connect_to(path.c_str(), base::Deadline::now());
  if (probe || probe.error().error != ECONNREFUSED) {
    fail(path, std::errc::address_in_use, "somebody listens there");
  }
  static_cast<void>(os::remove_file(path.c_str()));
}

// Where this user's sockets go: the system's folder for them, else the one for temporary files.
std::string runtime_folder() {
  const unsigned user = os::effective_user();
  std::string folder = "/run/user/" + std::to_string(user);
  const os::Result<os::FileStatus> status = os::status_of(folder.c_str());
  constexpr unsigned kOthers = 077;
  if (status && status->kind == os::FileKind::folder && status->owner == user &&
      (status->mode & kOthers) == 0) {
    return folder;
  }
  return "/tmp";
}

}  // namespace

SocketFile SocketFile::claim(std::string path) {
  const std::string folder = folder_of(path);
  make_folders(folder, path);
  require_safe_folder(folder, path);
  SocketFile file(std::move(path), {});
  file.lock_ = lock_name_of(file.path_);
  base::ScopeExit undo([&] { file.remove(); });
  remove_leftover(file.path_);
  undo.release();
  return file;
}

SocketFile SocketFile::make() {
  std::string folder = value_of(os::make_random_folder(runtime_folder() + "/shoal-"), "");
  base::ScopeExit undo([&] { os::remove_folder(folder.c_str()); });
  SocketFile file = claim(folder + "/socket");
  undo.release();
  file.folder_ = std::move(folder);
  return file;
}

void SocketFile::made() { socket_ = value_of(os::status_of(path_.c_str()), path_); }

void SocketFile::remove() noexcept {
  if (!lock_) return;
  // Somebody may have put another file in its place.
  const os::Result<os::FileStatus> named = os::status_of(path_.c_str());
  if (named && socket_.is_same_file(*named)) static_cast<void>(os::remove_file(path_.c_str()));
  static_cast<void>(os::remove_file(lock_name(path_).c_str()));
  if (!folder_.empty()) os::remove_folder(folder_.c_str());
  lock_.reset();
}

}  // namespace shoal::channel
