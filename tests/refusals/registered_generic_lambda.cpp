// SPDX-License-Identifier: Apache-2.0
// expect: Wrap it in a captureless lambda that says its parameters.
#include <shoal/task_registry.hpp>

int main() {
  shoal::register_task("twice", [](auto x) { return 2 * x; });
}
