// SPDX-License-Identifier: Apache-2.0
#include "shoal/bootstrap.hpp"

#include <string_view>

#include "os/after_fork.hpp"
#include "os/fd.hpp"
#include "os/socket.hpp"
#include "process/bootstrap.hpp"
#include "process/child_main.hpp"
#include "process/runtime.hpp"
#include "shoal/error.hpp"

namespace shoal {

void bootstrap(int argc, char** argv) {
  const bool has_name = argc > 0 && argv != nullptr && argv[0] != nullptr;
  process::Runtime::note_bootstrap(has_name ? argv[0] : "");
  if (argc != 2 || std::string_view(argv[1]) != process::kChildMarker) return;
  os::after_fork::plug_standard_streams();
  if (!os::is_unix_socket(process::kChildControl, os::SocketKind::messages)) {
    throw StartError(
        std::string(process::kChildMarker) +
        " is for children that shoal starts: descriptor 3 is not the socket of a parent");
  }
  os::close_on_exec(process::kChildControl);
  process::run_child(os::Fd(process::kChildControl), process::Birth::fresh);
}

}  // namespace shoal
