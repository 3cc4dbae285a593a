// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "serial/module.hpp"
#include "shoal/function.hpp"

namespace shoal::serial {

/// A function's place, in words that another process understands.
struct CodeRef {
  ModuleId module;
  std::string path;  ///< where a process that lacks the module finds it
  std::uint64_t offset = 0;
};

/// Names the function at `address`. Thread-safe.
/// @throws CodecError  no program or library holds code there
CodeRef locate(std::uintptr_t address);

/// Finds the function in this process, loading its module if need be. Thread-safe. A jump to
/// anywhere for who writes the reference: taken from this process's own parent only.
/// @throws CodecError  the module cannot be loaded or is another build, or the place is not code
std::uintptr_t resolve(const CodeRef& reference);

/// Whom to call, in words that another process understands.
struct CallRef {
  CodeRef invoker;
  std::optional<CodeRef> function;  ///< none: the callee has no state and no address
  std::uint64_t type_hash = 0;
};

/// @throws CodecError  as locate()
CallRef locate(const internal::CallTarget& target);

/// Whom to call, in this process.
struct Callee {
  internal::Invoker invoker = nullptr;
  std::uintptr_t function = 0;
};

/// @throws CodecError  as resolve()
Callee resolve(const CallRef& reference);

/// Calls. The result is dropped.
/// @throws what the callee throws
void call(const Callee& callee, Reader& arguments);

/// The function's name for people: its symbol where the program or library still has it, else
/// "program+0x1234". May read that file: for error messages.
std::string describe_code(std::uintptr_t address);

}  // namespace shoal::serial
