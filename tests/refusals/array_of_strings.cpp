// SPDX-License-Identifier: Apache-2.0
// expect: T is not trivially copyable
#include <shoal/array.hpp>
#include <string>

int main() {
  const shoal::Array<std::string> names(3);
  return static_cast<int>(names.size());
}
