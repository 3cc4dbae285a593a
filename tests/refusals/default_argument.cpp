// SPDX-License-Identifier: Apache-2.0
// expect: Default arguments do not travel
#include <shoal/function.hpp>

int add(int a, int b = 1) { return a + b; }

int main() {
  shoal::Writer writer;
  shoal::internal::encode_call(writer, add, 1);
}
