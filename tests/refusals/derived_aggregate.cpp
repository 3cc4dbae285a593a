// SPDX-License-Identifier: Apache-2.0
// expect: T is an aggregate with a base class
#include <shoal/codec.hpp>

struct Base {
  int a;
};
struct Derived : Base {
  int b;
};

int main() { shoal::Writer().put(Derived{{1}, 2}); }
