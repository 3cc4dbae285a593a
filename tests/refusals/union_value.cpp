// SPDX-License-Identifier: Apache-2.0
// expect: Use std::variant
#include <shoal/codec.hpp>

union Either {
  int a;
  float b;
};

int main() { shoal::Writer().put(Either{1}); }
