// SPDX-License-Identifier: Apache-2.0
// A file that was opened here is written by a process that could not open it itself: the open file
// travels, not its name. The file has no name any more by then.
//
//   the child wrote 21 bytes
//   they say: written by the child.

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <shoal/shoal.hpp>
#include <string>

// Gets the file over a pipe and writes to it; what it owns is closed with `file`.
void fill(const shoal::Connection& connection) {
  const shoal::UniqueFd file = connection.recv<shoal::UniqueFd>();
  const std::string text = "written by the child.";
  connection.send(static_cast<int>(write(file.get(), text.data(), text.size())));
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);

  const shoal::UniqueFd file(open("notes.txt", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  if (!file) {
    std::perror("notes.txt");
    return 1;
  }
  unlink("notes.txt");

  auto [here, there] = shoal::pipe();
  shoal::Process child{fill, there};
  child.start();
  there.close();
  here.send(file);  // a second descriptor of the same open file; ours stays ours
  std::printf("the child wrote %d bytes\n", here.recv<int>());
  child.join();

  std::string text(21, ' ');
  const bool is_read = pread(file.get(), text.data(), text.size(), 0) == 21;
  std::printf("they say: %s\n", is_read ? text.c_str() : "nothing");
}
