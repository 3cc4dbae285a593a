// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace shoal::serial {

/// A symbol or std::type_info::name() as it was written in the source; as it is if it cannot be
/// told.
std::string demangle(const char* symbol);

/// Gives "0x7f00…".
std::string to_hex(std::uintptr_t address);

}  // namespace shoal::serial
