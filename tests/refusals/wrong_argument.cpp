// SPDX-License-Identifier: Apache-2.0
// expect: does not convert to the parameter
#include <shoal/function.hpp>
#include <string>

int twice(int value) { return 2 * value; }

int main() {
  shoal::Writer writer;
  shoal::internal::encode_call(writer, twice, std::string("2"));
}
