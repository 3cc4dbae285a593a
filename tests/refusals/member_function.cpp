// SPDX-License-Identifier: Apache-2.0
// expect: Wrap it in a captureless lambda
#include <shoal/function.hpp>

struct Account {
  int balance() const { return 0; }
};

int main() {
  shoal::Writer writer;
  shoal::internal::encode_call(writer, &Account::balance, Account());
}
