// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "pool/mailbox_layout.hpp"
#include "pool/run_times.hpp"
#include "serial/function_ref.hpp"
#include "shoal/function.hpp"

namespace shoal::pool {

/// A function that tasks call, known to this process by a small number.
class Function {
 public:
  Function(const internal::CallTarget& target, const FunctionSlot& place)
      : call(target), slot(place) {}

  internal::CallTarget call;
  FunctionSlot slot;  ///< as workers read it; `slot.id` is the number
  mutable RunTimes times;  ///< under the engine's lock

  /// How errors name it: the function's symbol where there is one, else its place; a stateless
  /// type's name. Looked up once. Thread-safe.
  const std::string& name() const;

 private:
  mutable std::once_flag is_named_;
  mutable std::string name_;
};

/// All functions that were ever submitted in this process, and the modules they come from. Entries
/// stay for ever and keep their addresses. Thread-safe.
class FunctionTable {
 public:
  /// The entry of `call`, made at first sight.
  /// @throws CodecError     the address lies in no loaded program or library
  /// @throws ResourceError  functions come from more than kModuleSlots programs and libraries
  const Function& intern(const internal::CallTarget& call);

  /// How many modules there are, and one of them.
  std::uint32_t module_count() const;
  ModuleSlot module(std::uint32_t index) const;

 private:
  static constexpr std::size_t kRecent = 256;

  static std::size_t recent_index(const internal::CallTarget& call) noexcept {
    const auto bits = reinterpret_cast<std::uintptr_t>(call.invoker) ^ call.target;
    return (bits >> 4 ^ bits >> 12) % kRecent;
  }
  const Function& add(const internal::CallTarget& call);
  std::pair<std::uint16_t, std::uint64_t> place(std::uintptr_t address);

  std::array<std::atomic<const Function*>, kRecent> recent_{};  // found without the lock
  mutable std::mutex mutex_;
  std::map<std::pair<internal::Invoker, std::uintptr_t>, const Function*> known_;
  std::deque<Function> functions_;
  std::deque<const serial::Module*> modules_;
};

/// A worker's view: turns slots into addresses, once each.
class FunctionResolver {
 public:
  struct Resolved {
    std::uint32_t id = 0;
    internal::Invoker invoker = nullptr;
    std::uintptr_t target = 0;
  };

  /// @throws CodecError  the module is not here and cannot be loaded, or is another build, or the
  ///                     place in it is not code
  const Resolved& resolve(std::uint32_t id, const std::array<FunctionSlot, kFunctionSlots>& slots,
                          const std::array<ModuleSlot, kModuleSlots>& modules);

 private:
  std::uintptr_t address(std::uint16_t module, std::uint64_t offset,
                         const std::array<ModuleSlot, kModuleSlots>& modules);

  std::array<Resolved, kFunctionSlots> resolved_{};
  std::array<const serial::Module*, kModuleSlots> loaded_{};
};

}  // namespace shoal::pool
