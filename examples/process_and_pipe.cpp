// SPDX-License-Identifier: Apache-2.0
// A process of one's own, and a pipe to talk with it.
//
//   child {n} answers: HELLO
//   child {n} answers: PIPES CARRY VALUES
//   4 words
//   the child ended with 0

#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <shoal/shoal.hpp>
#include <string>

// Answers each text in capitals until the other end is closed, then sends how many words it saw.
void shout(shoal::Connection texts, shoal::Connection count) {
  int words = 0;
  try {
    for (;;) {
      std::string text = texts.recv<std::string>();
      for (char& c : text) {
        words += c == ' ';
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      }
      ++words;
      texts.send("child " + std::to_string(getpid()) + " answers: " + text);
    }
  } catch (const shoal::EndOfStreamError&) {
    count.send(words);
  }
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);

  auto [here, there] = shoal::pipe();
  auto [count, count_there] = shoal::pipe(shoal::Duplex::no);
  shoal::Process child{shout, there, count_there};
  child.start();
  there.close();  // the child has its own
  count_there.close();

  for (const char* text : {"hello", "pipes carry values"}) {
    here.send(text);
    std::printf("%s\n", here.recv<std::string>().c_str());
  }
  here.close();  // ends the child's loop
  std::printf("%d words\n", count.recv<int>());
  child.join();
  std::printf("the child ended with %d\n", *child.exitcode());
}
