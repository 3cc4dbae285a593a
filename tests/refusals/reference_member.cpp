// SPDX-License-Identifier: Apache-2.0
// expect: T has a reference as a member
#include <shoal/codec.hpp>

struct View {
  int& value;
};

int main() {
  int value = 0;
  shoal::Writer().put(View{value});
}
