// SPDX-License-Identifier: Apache-2.0
// Four ways for a type of your own to cross into another process.
//
//   aggregate: (4, 2)
//   codec: 100.0 degrees
//   shoal_fields: Ada has 70
//   described: 3 parcels

#include <boost/describe/class.hpp>
#include <cstdio>
#include <shoal/shoal.hpp>
#include <string>

struct Point {  // a plain aggregate: nothing to write
  int x, y;
};
Point swap(Point p) { return {p.y, p.x}; }

struct Celsius {  // no default constructor: a codec says how it is written and made
  explicit Celsius(double d) : degrees(d) {}
  const double degrees;
};
template <>
struct shoal::Codec<Celsius> {
  static void encode(Writer& writer, const Celsius& value) { writer.put(value.degrees); }
  static Celsius decode(Reader& reader) { return Celsius(reader.get<double>()); }
};
Celsius heat(Celsius c) { return Celsius(2 * c.degrees); }

class Account {  // private members, tied by a friend
 public:
  Account() = default;
  Account(std::string owner, int balance) : owner_(std::move(owner)), balance_(balance) {}
  Account pay(int amount) const { return {owner_, balance_ + amount}; }
  std::string text() const { return owner_ + " has " + std::to_string(balance_); }

 private:
  friend auto shoal_fields(Account& self) { return std::tie(self.owner_, self.balance_); }
  std::string owner_;
  int balance_ = 0;
};

struct Van {  // described for all who reflect: bases, public, protected and private members
  Van load() const { return Van(parcels + 1); }
  explicit Van(int n = 2) : parcels(n) {}
  int parcels;
  BOOST_DESCRIBE_CLASS(Van, (), (parcels), (), ())
};

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool;
  const Point point = pool.submit(swap, Point{2, 4}).get();
  const Celsius hot = pool.submit(heat, Celsius(50)).get();
  auto pay = [](const Account& account, int amount) { return account.pay(amount); };
  const Account ada = pool.submit(pay, Account("Ada", 50), 20).get();
  const Van van = pool.submit([](const Van& v) { return v.load(); }, Van()).get();
  std::printf("aggregate: (%d, %d)\ncodec: %.1f degrees\n", point.x, point.y, hot.degrees);
  std::printf("shoal_fields: %s\ndescribed: %d parcels\n", ada.text().c_str(), van.parcels);
}
