// SPDX-License-Identifier: Apache-2.0
#include "serial/function_ref.hpp"

#include <dlfcn.h>

#include "serial/names.hpp"
#include "serial/symbols.hpp"
#include "shoal/codec.hpp"
#include "shoal/error.hpp"

namespace shoal::serial {

CodeRef locate(std::uintptr_t address) {
  const Module& module = module_of(address);
  return {module.id, module.path, address - module.base};
}

std::uintptr_t resolve(const CodeRef& reference) {
  const Module& module = find_or_load(reference.module, reference.path);
  const std::uintptr_t address = module.base + reference.offset;
  if (module.holds_code(address)) return address;
  throw CodecError("a function reference points outside the code of " + module.path);
}

CallRef locate(const internal::CallTarget& target) {
  CallRef callee{
      locate(reinterpret_cast<std::uintptr_t>(target.invoker)), std::nullopt, target.type_hash};
  if (target.target != 0) callee.function = locate(target.target);
  return callee;
}

Callee resolve(const CallRef& reference) {
  return {reinterpret_cast<internal::Invoker>(resolve(reference.invoker)),
          reference.function ? resolve(*reference.function) : 0};
}

void call(const Callee& callee, Reader& arguments) {
  Writer dropped_result;
  callee.invoker(callee.function, arguments, dropped_result);
}

std::string describe_code(std::uintptr_t address) {
  Dl_info info{};
  const bool is_known = ::dladdr(reinterpret_cast<const void*>(address), &info) != 0;
  // Of a function that is not exported, dladdr gives some neighbour.
  if (is_known && reinterpret_cast<std::uintptr_t>(info.dli_saddr) == address &&
      info.dli_sname != nullptr) {
    return demangle(info.dli_sname);
  }
  const Module& module = module_of(address);
  if (const auto symbol = find_symbol(module.path, address - module.base)) return *symbol;
  return module.path.substr(module.path.rfind('/') + 1) + "+" + to_hex(address - module.base);
}

}  // namespace shoal::serial
