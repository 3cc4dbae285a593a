// SPDX-License-Identifier: Apache-2.0
// Works through a long file, record by record: read little by little, in chunks. A bad record
// fails alone.
//
//   line 1000: no number in "herring;many"
//   line 20000: no number in "cod;"
//   19998 records: 1795810 fish

#include <charconv>
#include <cstdio>
#include <fstream>
#include <ranges>
#include <shoal/shoal.hpp>
#include <stdexcept>
#include <string>
#include <string_view>

// "herring;17" is 17.
int parse(const std::string& record) {
  const std::string_view digits = std::string_view(record).substr(record.find(';') + 1);
  int number = 0;
  const auto end = digits.data() + digits.size();
  if (digits.empty() || std::from_chars(digits.data(), end, number).ptr != end) {
    throw std::invalid_argument("no number in \"" + record + "\"");
  }
  return number;
}

// Something to read: 20000 lines, two of them wrong.
void write_records(const char* file) {
  std::ofstream out(file);
  for (int i = 1; i < 20'000; ++i) {
    out << (i == 1000 ? "herring;many" : "herring;" + std::to_string(i % 181)) << '\n';
  }
  out << "cod;\n";
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool;
  write_records("catch.csv");
  std::ifstream file("catch.csv");

  // 100 records travel together, at most 2000 are read ahead: memory does not grow with the file.
  auto numbers = pool.map({.chunksize = 100, .buffersize = 2000}, parse,
                          std::views::istream<std::string>(file));
  long line = 0, records = 0, fish = 0;
  for (auto number = numbers.begin(); number != numbers.end(); ++number) {
    ++line;
    try {
      fish += *number;
      ++records;
    } catch (const std::invalid_argument& error) {
      std::printf("line %ld: %s\n", line, error.what());
    }
  }
  std::printf("%ld records: %ld fish\n", records, fish);
}
