// SPDX-License-Identifier: Apache-2.0
#include "os/library.hpp"

#include <dlfcn.h>

namespace shoal::os {

LoadedLibrary load_library(const std::string& path) {
  LoadedLibrary library;
  library.handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library.handle != nullptr) return library;
  const char* const reason = ::dlerror();  // of this thread
  library.reason = reason != nullptr ? reason : path;
  return library;
}

void* find_export(const LoadedLibrary& library, const char* name) noexcept {
  return ::dlsym(library.handle, name);
}

}  // namespace shoal::os
