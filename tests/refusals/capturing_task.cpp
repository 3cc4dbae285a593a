// SPDX-License-Identifier: Apache-2.0
// expect: pass captured values as shoal::bind(fn, values...)
#include <shoal/function.hpp>

template <class F, class... Args>
requires shoal::internal::TaskCallable<F, Args...>
void submit(F&&, Args&&...) {}

int main(int argc, char**) {
  submit([argc] { return argc; });
}
