// SPDX-License-Identifier: Apache-2.0
// expect: T is a pointer
#include <shoal/queue.hpp>

int main() {
  int value = 0;
  const shoal::Queue<int*> queue;
  queue.put(&value);
}
