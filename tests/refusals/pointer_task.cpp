// SPDX-License-Identifier: Apache-2.0
// expect: parameters and result must be shoal::is_transferable_v
#include <shoal/function.hpp>

template <class F, class... Args>
  requires shoal::internal::TaskCallable<F, Args...>
void submit(F&&, Args&&...) {}

int* address(int) { return nullptr; }

int main() { submit(address, 1); }
