// SPDX-License-Identifier: Apache-2.0
// expect: Give T one of four ways
#include <set>
#include <shoal/codec.hpp>

using Order = bool (*)(int, int);

int main() { shoal::Writer().put(std::set<int, Order>([](int a, int b) { return b < a; })); }
