// SPDX-License-Identifier: Apache-2.0
// expect: T is a pointer
#include <shoal/codec.hpp>
#include <vector>

struct Node {
  std::vector<Node*> children;
};

int main() { shoal::Writer().put(Node{}); }
