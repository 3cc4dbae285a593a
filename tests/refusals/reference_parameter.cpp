// SPDX-License-Identifier: Apache-2.0
// expect: and return the new value
#include <shoal/function.hpp>

void increment(int& value) { ++value; }

int main() {
  shoal::Writer writer;
  int value = 0;
  shoal::internal::encode_call(writer, increment, value);
}
