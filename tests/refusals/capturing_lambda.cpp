// SPDX-License-Identifier: Apache-2.0
// expect: Pass captured values as arguments: shoal::bind(fn, values...)
#include <shoal/function.hpp>

int main(int argc, char**) {
  shoal::Writer writer;
  shoal::internal::encode_call(
      writer, [argc](int x) { return x + argc; }, 1);
}
