// SPDX-License-Identifier: Apache-2.0
// expect: F captures variables
#include <shoal/task_registry.hpp>

int main(int argc, char**) {
  shoal::register_task("add", [argc](int x) { return x + argc; });
}
