// SPDX-License-Identifier: Apache-2.0
// expect: T is or holds a pointer
#include <shoal/value.hpp>

struct Node {
  int value;
  Node* next;
};

int main() {
  const shoal::Value<Node> node;
  node.get();
}
