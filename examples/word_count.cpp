// SPDX-License-Identifier: Apache-2.0
// Counts the words of many files: each task reads one file, the caller adds up what they found.
//
//   1400 words in 40 files
//   320 a
//   320 of
//   200 fish

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <shoal/shoal.hpp>
#include <string>
#include <vector>

namespace fs = std::filesystem;
using Counts = std::map<std::string, long>;

Counts count_words(const fs::path& file) {
  Counts counts;
  std::ifstream text(file);
  for (std::string word; text >> word;) ++counts[word];
  return counts;
}

// Something to read: 40 files in the current folder.
std::vector<fs::path> write_files() {
  std::vector<fs::path> files;
  for (int i = 0; i < 40; ++i) {
    files.push_back(fs::absolute("page" + std::to_string(i) + ".txt"));
    std::ofstream text(files.back());
    for (int line = 0; line < 4; ++line) text << "of fish a shoal, of birds a flock\n";
    text << "one fish leads\n";
  }
  return files;
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  shoal::ProcessPoolExecutor pool;

  const std::vector<fs::path> files = write_files();
  Counts total;
  for (const Counts& counts : pool.map(count_words, files)) {
    for (const auto& [word, count] : counts) total[word] += count;
  }

  long words = 0;
  std::multimap<long, std::string, std::greater<>> by_count;
  for (const auto& [word, count] : total) {
    words += count;
    by_count.emplace(count, word);
  }
  std::printf("%ld words in %zu files\n", words, files.size());
  auto most = by_count.begin();
  for (int i = 0; i < 3; ++i, ++most) std::printf("%ld %s\n", most->first, most->second.c_str());
}
