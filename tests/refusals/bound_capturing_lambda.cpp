// SPDX-License-Identifier: Apache-2.0
// expect: Pass captured values as arguments
#include <shoal/function.hpp>

int main(int argc, char**) {
  shoal::bind([argc] { return argc; });
}
