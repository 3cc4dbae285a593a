// SPDX-License-Identifier: Apache-2.0
// expect: T is a pointer
#include <shoal/codec.hpp>

int main() {
  int value = 0;
  shoal::Writer().put(&value);
}
