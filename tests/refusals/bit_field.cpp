// SPDX-License-Identifier: Apache-2.0
// expect: bit-field
#include <shoal/codec.hpp>

struct Flags {
  unsigned low : 3;
  unsigned high : 5;
};

int main() { shoal::Writer().put(Flags{1, 2}); }
