// SPDX-License-Identifier: Apache-2.0
// expect: must be default-constructible
#include <shoal/codec.hpp>

class Account {
 public:
  explicit Account(int balance) : balance_(balance) {}
  friend auto shoal_fields(Account& self) { return std::tie(self.balance_); }

 private:
  int balance_;
};

int main() { shoal::Writer().put(Account(1)); }
