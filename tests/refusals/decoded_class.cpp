// SPDX-License-Identifier: Apache-2.0
// expect: shoal_fields
#include <shoal/codec.hpp>

class Account {
 public:
  explicit Account(int balance) : balance_(balance) {}
  int balance() const { return balance_; }

 private:
  int balance_;
};

int main() {
  shoal::Reader reader({});
  return reader.get<Account>().balance();
}
