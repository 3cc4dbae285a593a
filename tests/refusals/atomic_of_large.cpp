// SPDX-License-Identifier: Apache-2.0
// expect: the machine changes no T in one step
#include <array>
#include <shoal/atomic.hpp>

int main() {
  const shoal::Atomic<std::array<long, 4>> four;
  four.load();
}
