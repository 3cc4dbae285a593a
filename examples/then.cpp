// SPDX-License-Identifier: Apache-2.0
// Chains of tasks: each starts in the pool once the one before has its value. What a task throws
// goes down the chain, past those that have nothing to work on.
//
//   never odd or even: a palindrome
//   fish swim in shoals: no palindrome
//   12345: there are no letters

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <shoal/shoal.hpp>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

std::string keep_letters(const std::string& text) {
  std::string letters;
  for (unsigned char c : text) {
    if (std::isalpha(c) != 0) letters += static_cast<char>(std::tolower(c));
  }
  if (letters.empty()) throw std::invalid_argument("there are no letters");
  return letters;
}

bool is_palindrome(const std::string& letters) {
  return std::equal(letters.begin(), letters.end(), letters.rbegin());
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool;

  auto verdict = [](bool is) -> std::string { return is ? "a palindrome" : "no palindrome"; };
  std::vector<std::pair<std::string, shoal::Future<std::string>>> chains;
  for (const char* text : {"never odd or even", "fish swim in shoals", "12345"}) {
    chains.emplace_back(text, pool.submit(keep_letters, text).then(is_palindrome).then(verdict));
  }

  for (auto& [text, end] : chains) {
    try {
      std::printf("%s: %s\n", text.c_str(), end.get().c_str());
    } catch (const std::invalid_argument& error) {
      std::printf("%s: %s\n", text.c_str(), error.what());
    }
  }
}
