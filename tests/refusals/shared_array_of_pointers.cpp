// SPDX-License-Identifier: Apache-2.0
// expect: T is or holds a pointer
#include <shoal/shared_array.hpp>

struct Node {
  int value = 0;
  Node* next = nullptr;
};

int main() { const shoal::SharedArray<Node> nodes(3); }
