// SPDX-License-Identifier: Apache-2.0
// expect: T is a function or std::function
#include <functional>
#include <shoal/codec.hpp>

int main() { shoal::Writer().put(std::function<void()>()); }
