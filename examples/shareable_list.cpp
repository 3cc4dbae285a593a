// SPDX-License-Identifier: Apache-2.0
// A few values of several types in one block of shared memory, which processes read and set by
// their index: here the state of a shop, which its cashiers keep up to date.
//
//   Fish & Co, open: 3 sold, 12.75 taken, last: none
//   Fish & Co, closed: 5 sold, 31.25 taken, last: cod
//   "a name that is too long" does not fit
//   the copy still says open

#include <cstdio>
#include <shoal/shoal.hpp>
#include <stdexcept>
#include <string>

enum Entry : std::size_t { shop, is_open, sold, taken, last };

void sell(shoal::ShareableList state, std::string what, double price) {
  state.set(sold, state.get<int>(sold) + 1);
  state.set(taken, state.get<double>(taken) + price);
  state.set(last, what);  // from nothing to text: there is room for 8 bytes
}

void print(const shoal::ShareableList& state) {
  const bool has_sold = state.get(last) != shoal::ShareableList::Item(nullptr);
  std::printf("%s, %s: %d sold, %.2f taken, last: %s\n", state.get<std::string>(shop).c_str(),
              state.get<bool>(is_open) ? "open" : "closed", state.get<int>(sold),
              state.get<double>(taken), has_sold ? state.get<std::string>(last).c_str() : "none");
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);

  const shoal::ShareableList state{"Fish & Co", true, 3, 12.75, nullptr};
  const shoal::ShareableList copy = state.copy();
  print(state);

  for (const auto& [what, price] : {std::pair{"herring", 4.5}, std::pair{"cod", 14.0}}) {
    shoal::Process cashier{sell, state, std::string(what), price};
    cashier.start();
    cashier.join();  // one at a time: several at once would need a lock
  }
  state.set(is_open, false);
  print(state);

  try {
    state.set(last, "a name that is too long");
  } catch (const std::invalid_argument&) {
    std::puts("\"a name that is too long\" does not fit");
  }
  if (copy.get<bool>(is_open)) std::puts("the copy still says open");
}
