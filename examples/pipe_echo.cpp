// SPDX-License-Identifier: Apache-2.0
// The smallest conversation: a child sends back what it gets, text, numbers, bytes, and ends with
// its pipe.
//
//   text: hello
//   numbers: 3 of them, sum 6.5
//   bytes: 1048576, the last one 7
//   the child said nothing more

#include <cstdio>
#include <numeric>
#include <shoal/shoal.hpp>
#include <string>
#include <vector>

using Numbers = std::vector<double>;

void echo(const shoal::Connection& connection) {
  connection.send(connection.recv<std::string>());
  connection.send(connection.recv<Numbers>());
  connection.send_bytes(connection.recv_bytes());
}  // its end goes with the child, and the stream ends

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);

  auto [here, there] = shoal::pipe();
  shoal::Process child{echo, there};
  child.start();
  there.close();  // the child has its own

  here.send("hello");
  std::printf("text: %s\n", here.recv<std::string>().c_str());

  here.send(Numbers{1, 2, 3.5});
  const Numbers numbers = here.recv<Numbers>();
  std::printf("numbers: %zu of them, sum %.1f\n", numbers.size(),
              std::accumulate(numbers.begin(), numbers.end(), 0.0));

  here.send_bytes(std::vector<std::byte>(1 << 20, std::byte{7}));
  const std::vector<std::byte> bytes = here.recv_bytes();
  std::printf("bytes: %zu, the last one %d\n", bytes.size(), static_cast<int>(bytes.back()));

  try {
    here.recv<std::string>();
  } catch (const shoal::EndOfStreamError&) {
    std::printf("the child said nothing more\n");
  }
  child.join();
}
