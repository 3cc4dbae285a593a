// SPDX-License-Identifier: Apache-2.0
// expect: std::string for std::string_view
#include <shoal/codec.hpp>
#include <string_view>

int main() { shoal::Writer().put(std::string_view("text")); }
