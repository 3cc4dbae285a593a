// SPDX-License-Identifier: Apache-2.0
// What is slow to prepare is prepared once in each worker, and all its tasks use it.
//
//   line 1: all right
//   line 2: fihs?
//   line 3: all right
//   line 4: brids? flok?
//   4 lines, and the worker that was asked had loaded its dictionary 1 time

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <shoal/shoal.hpp>
#include <sstream>
#include <string>
#include <vector>

// One in each worker, made at first use.
struct Dictionary {
  std::set<std::string> words;
  int loads = 0;
};

// The initializer: runs in every worker, also a replacement, before its first task.
void load(const std::filesystem::path& file) {
  Dictionary& dictionary = shoal::worker_local<Dictionary>();
  std::ifstream text(file);
  for (std::string word; text >> word;) dictionary.words.insert(word);
  ++dictionary.loads;
}

std::string misspelled(const std::string& line) {
  const Dictionary& dictionary = shoal::worker_local<Dictionary>();
  std::string found;
  std::istringstream text(line);
  for (std::string word; text >> word;) {
    if (!dictionary.words.contains(word)) found += word + "? ";
  }
  return found.empty() ? "all right" : found.substr(0, found.size() - 1);
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  const auto file = std::filesystem::absolute("dictionary.txt");
  std::ofstream(file) << "a birds fish flock form of shoal swim";

  shoal::ProcessPoolExecutor pool{{.max_workers = 2, .initializer = shoal::bind(load, file)}};
  const std::vector<std::string> lines{"a shoal of fish", "a fihs", "fish swim",
                                       "brids form a flok"};
  int number = 0;
  for (const std::string& words : pool.map(misspelled, lines)) {
    std::printf("line %d: %s\n", ++number, words.c_str());
  }
  auto loads = [] { return shoal::worker_local<Dictionary>().loads; };
  std::printf("%d lines, and the worker that was asked had loaded its dictionary %d time\n", number,
              pool.submit(loads).get());
}
