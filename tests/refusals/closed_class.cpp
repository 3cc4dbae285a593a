// SPDX-License-Identifier: Apache-2.0
// expect: Give T one of four ways
#include <shoal/codec.hpp>

class Account {
 public:
  explicit Account(int balance) : balance_(balance) {}
  int balance() const { return balance_; }

 private:
  int balance_;
};

int main() { shoal::Writer().put(Account(1)); }
