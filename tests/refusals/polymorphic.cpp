// SPDX-License-Identifier: Apache-2.0
// expect: T is polymorphic
#include <shoal/codec.hpp>

struct Shape {
  virtual ~Shape() = default;
};

int main() { shoal::Writer().put(Shape{}); }
