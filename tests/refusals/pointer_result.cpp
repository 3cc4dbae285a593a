// SPDX-License-Identifier: Apache-2.0
// expect: T is a pointer
#include <shoal/function.hpp>

int* address() { return nullptr; }

int main() {
  shoal::Writer writer;
  shoal::internal::encode_call(writer, address);
}
