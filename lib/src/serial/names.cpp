// SPDX-License-Identifier: Apache-2.0
#include "serial/names.hpp"

#include <cxxabi.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>

namespace shoal::serial {

std::string demangle(const char* symbol) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(symbol, nullptr, nullptr, &status), &std::free);
  return status == 0 ? name.get() : symbol;
}

std::string to_hex(std::uintptr_t address) {
  std::array<char, 2 * sizeof address> digits;
  const auto end = std::to_chars(digits.begin(), digits.end(), address, 16).ptr;
  return "0x" + std::string(digits.begin(), end);
}

}  // namespace shoal::serial
