// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

// One name, two definitions: what two builds of a program may come to.
namespace demo {

#if SHOAL_TEST_MODULE == 1
struct Shape {
  double width;
  double height;
};
#else
struct Shape {
  std::string name;
  double width;
};
#endif

}  // namespace demo
