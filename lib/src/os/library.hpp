// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace shoal::os {

/// A library in this process's memory, or why it is not there.
struct LoadedLibrary {
  void* handle = nullptr;  ///< null: it could not be loaded
  std::string reason;      ///< then, in the loader's words
};

/// Loads the library at `path`, all its symbols bound at once and none shown to other libraries.
/// What its static initialisers throw ends the process. Thread-safe.
LoadedLibrary load_library(const std::string& path);

/// The address of what `library` exports under `name`; null if it exports no such thing.
void* find_export(const LoadedLibrary& library, const char* name) noexcept;

}  // namespace shoal::os
