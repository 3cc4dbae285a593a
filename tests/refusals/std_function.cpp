// SPDX-License-Identifier: Apache-2.0
// expect: a std::function hides which function it calls
#include <functional>
#include <shoal/function.hpp>

int main() {
  shoal::Writer writer;
  shoal::internal::encode_call(writer, std::function<void()>());
}
