// SPDX-License-Identifier: Apache-2.0
// expect: T must be trivially copyable
#include <shoal/shared_array.hpp>
#include <string>

int main() { const shoal::SharedArray<std::string> words(3); }
