// SPDX-License-Identifier: Apache-2.0
// expect: Take it by value or const T&, and return the new value
#include <shoal/process.hpp>

void count_up(int& counter) { ++counter; }

int main() {
  int counter = 0;
  shoal::Process process(count_up, counter);
}
