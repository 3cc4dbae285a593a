// SPDX-License-Identifier: Apache-2.0
// The control: what the other programs do wrong, done right.
#include <memory>
#include <shoal/function.hpp>
#include <string>
#include <variant>
#include <vector>

struct Base {
  int a;
};
struct Whole {
  Base base;
  std::variant<int, float> either;
  std::vector<std::unique_ptr<Whole>> children;
};
class Account {
 public:
  Account() = default;
  friend auto shoal_fields(Account& self) { return std::tie(self.balance_); }

 private:
  int balance_ = 0;
};

int add(int a, int b) { return a + b; }

int main(int argc, char**) {
  shoal::Writer writer;
  writer.put(std::string("text"));
  writer.put(Whole{});
  writer.put(Account());
  shoal::internal::encode_call(writer, shoal::bind([](int a, int b) { return a + b; }, argc), 1);
  shoal::internal::encode_call(writer, add, 1, 2);
  shoal::internal::encode_call(
      writer, [](const Account& account) { return account; }, Account());
}
