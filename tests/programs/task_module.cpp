// SPDX-License-Identifier: Apache-2.0
// Built into several task modules, one for each meaning of SHOAL_TEST_MODULE.
#include "programs/task_module.hpp"

#include <cstdint>
#include <shoal/task_registry.hpp>
#include <stdexcept>
#include <string>

namespace demo {

#if SHOAL_TEST_MODULE == 1
double area(const Shape& shape) { return shape.width * shape.height; }
#else
double area(const Shape& shape) { return static_cast<double>(shape.name.size()); }
#endif

int scale(int x, int factor) { return x * factor; }

}  // namespace demo

/// What a process that holds the module calls by pointer.
extern "C" int shoal_test_module_number(int n) { return n + SHOAL_TEST_MODULE; }

/// What this build knows a Shape by.
extern "C" std::uint64_t shoal_test_module_shape() { return shoal::type_hash<demo::Shape>(); }

#if SHOAL_TEST_MODULE != 4  // the module that is none
extern "C" void shoal_register_tasks(shoal::TaskRegistry& tasks) {
  const std::string family = "module" + std::to_string(SHOAL_TEST_MODULE);
  tasks.add(family + ".area", demo::area, {"shape"});
  tasks.add(family + ".scale", demo::scale, {"x", "factor"});
#if SHOAL_TEST_MODULE == 3
  throw std::runtime_error("no licence");
#endif
}
#endif
