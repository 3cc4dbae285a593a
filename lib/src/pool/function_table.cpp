// SPDX-License-Identifier: Apache-2.0
#include "pool/function_table.hpp"

#include <algorithm>
#include <cstring>

#include "shoal/error.hpp"

namespace shoal::pool {

const std::string& Function::name() const {
  std::call_once(is_named_, [this] {
    name_ = call.target == 0 ? call.type_name : serial::describe_code(call.target);
  });
  return name_;
}

const Function& FunctionTable::intern(const internal::CallTarget& call) {
  std::atomic<const Function*>& recent = recent_[recent_index(call)];
  // acquire: pairs with the release below; the entry itself does not change any more.
  const Function* const found = recent.load(std::memory_order_acquire);
  if (found != nullptr && found->call.invoker == call.invoker &&
      found->call.target == call.target) {
    return *found;
  }
  const Function& function = add(call);
  recent.store(&function, std::memory_order_release);
  return function;
}

const Function& FunctionTable::add(const internal::CallTarget& call) {
  const std::lock_guard guard(mutex_);
  const auto [at, is_new] = known_.try_emplace({call.invoker, call.target}, nullptr);
  if (!is_new && at->second != nullptr) return *at->second;
  FunctionSlot slot{};
  std::tie(slot.invoker_module, slot.invoker_offset) =
      place(reinterpret_cast<std::uintptr_t>(call.invoker));
  slot.target_module = kModuleSlots;
  if (call.target != 0) {
    std::tie(slot.target_module, slot.target_offset) = place(call.target);
  }
  slot.id = static_cast<std::uint32_t>(functions_.size()) + 1;
  at->second = &functions_.emplace_back(call, slot);
  return *at->second;
}

std::pair<std::uint16_t, std::uint64_t> FunctionTable::place(std::uintptr_t address) {
  const serial::Module& module = serial::module_of(address);
  auto at = std::find(modules_.begin(), modules_.end(), &module);
  if (at == modules_.end()) {
    if (modules_.size() == kModuleSlots || module.path.size() >= sizeof(ModuleSlot::path)) {
      throw ResourceError("functions from " + module.path +
                          " cannot be sent: a pool takes them from " +
                          std::to_string(kModuleSlots) + " programs and libraries, with paths of " +
                          std::to_string(sizeof(ModuleSlot::path) - 1) + " bytes, at most");
    }
    at = modules_.insert(modules_.end(), &module);
  }
  return {static_cast<std::uint16_t>(at - modules_.begin()), address - module.base};
}

std::uint32_t FunctionTable::module_count() const {
  const std::lock_guard guard(mutex_);
  return static_cast<std::uint32_t>(modules_.size());
}

ModuleSlot FunctionTable::module(std::uint32_t index) const {
  const std::lock_guard guard(mutex_);
  const serial::Module& module = *modules_[index];
  ModuleSlot slot{};
  slot.id = module.id.bytes;
  slot.id_size = module.id.size;
  std::copy(module.path.begin(), module.path.end(), slot.path.begin());
  return slot;
}

const FunctionResolver::Resolved& FunctionResolver::resolve(
    std::uint32_t id, const std::array<FunctionSlot, kFunctionSlots>& slots,
    const std::array<ModuleSlot, kModuleSlots>& modules) {
  Resolved& resolved = resolved_[id % kFunctionSlots];
  if (resolved.id == id) return resolved;
  const FunctionSlot& slot = slots[id % kFunctionSlots];
  if (slot.id != id) throw CodecError("a task names a function that its parent did not announce");
  Resolved fresh{id, nullptr, 0};
  fresh.invoker = reinterpret_cast<internal::Invoker>(
      address(slot.invoker_module, slot.invoker_offset, modules));
  if (slot.target_module < kModuleSlots) {
    fresh.target = address(slot.target_module, slot.target_offset, modules);
  }
  resolved = fresh;
  return resolved;
}

std::uintptr_t FunctionResolver::address(std::uint16_t module, std::uint64_t offset,
                                         const std::array<ModuleSlot, kModuleSlots>& modules) {
  const serial::Module*& loaded = loaded_.at(module);
  if (loaded == nullptr) {
    const ModuleSlot& slot = modules[module];
    loaded = &serial::find_or_load({slot.id, slot.id_size}, slot.path.data());
  }
  const std::uintptr_t address = loaded->base + offset;
  if (!loaded->holds_code(address)) {
    throw CodecError("a task names a place in " + loaded->path + " that is not code");
  }
  return address;
}

}  // namespace shoal::pool
