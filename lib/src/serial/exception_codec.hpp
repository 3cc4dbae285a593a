// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <string>

#include "shoal/reader.hpp"
#include "shoal/writer.hpp"

namespace shoal::serial {

/// Where an exception was thrown. How the task is called the receiver knows, who asked for it.
struct RemoteContext {
  unsigned worker = 0;
  int pid = 0;
};

/// Writes an exception of any type: the nearest type that every process knows, what that type
/// holds, `what()` (64 KiB at most) and a trace. Lacking memory for these, writes a std::bad_alloc.
void encode_exception(Writer& writer, const std::exception_ptr& error,
                      const RemoteContext& context);

/// Throws the exception that the bytes hold, thrown in the task that errors call `task`; each call
/// throws a copy of its own. Standard types and
/// shoal's arrive as themselves, a type derived from one as its nearest, std::exception's own
/// children and all other types as RemoteError.
/// @throws CodecError  the bytes hold none
[[noreturn]] void throw_exception(Reader& reader, const std::string& task);

}  // namespace shoal::serial
