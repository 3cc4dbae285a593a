// SPDX-License-Identifier: Apache-2.0
// Two programs that share nothing but an address and a key, and talk over a Unix socket.
//
//   the other program says: hello, 3 words follow
//   programs
//   that
//   meet
//   the other program has ended with 0
//   a program with another key is turned away

#include <cstdio>
#include <shoal/shoal.hpp>
#include <string>

// The other program: this one once more, with the address as its argument. A real key is random and
// comes from a file (AuthKey::from_file); it stands in no program and no argument.
int meet(const std::string& address) {
  const shoal::Connection connection = shoal::connect(address, "a key for examples only");
  connection.send("hello, 3 words follow");
  for (const char* word : {"programs", "that", "meet"}) connection.send(word);
  return 0;
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);
  if (argc > 1) return meet(argv[1]);

  const shoal::Listener listener("unix:", "a key for examples only");
  shoal::Process other = shoal::Process::program(argv[0], {listener.address()});
  other.start();

  const shoal::Connection connection = listener.accept();
  std::printf("the other program says: %s\n", connection.recv<std::string>().c_str());
  for (int i = 0; i < 3; ++i) std::printf("%s\n", connection.recv<std::string>().c_str());
  other.join();
  std::printf("the other program has ended with %d\n", *other.exitcode());

  // Who has another key learns nothing, and is told so; so are we.
  shoal::Process stranger{[](const std::string& address) {
                            try {
                              shoal::connect(address, "a guess");
                            } catch (const shoal::AuthenticationError&) {
                            }
                          },
                          listener.address()};
  stranger.start();
  try {
    listener.accept();
  } catch (const shoal::AuthenticationError&) {
    std::printf("a program with another key is turned away\n");
  }
  stranger.join();
}
