// SPDX-License-Identifier: Apache-2.0
#include "process/server_request.hpp"

#include <cerrno>
#include <utility>

#include "os/socket.hpp"

namespace shoal::process {

HeardRequest receive_request(int socket) {
  using Kind = HeardRequest::Kind;
  HeardRequest heard;
  base::Result<os::Message> message =
      os::receive_message(socket, writable_bytes_of(heard.request), os::Wait::no);
  if (!message && message.error().error == EAGAIN) return heard;
  const StartRequest& request = heard.request;
  // They count descriptors: more than one each would be looked for where none is.
  const bool is_request = message && message->size == sizeof request && request.has_output <= 1 &&
                          request.has_error <= 1;
  if (!is_request) {
    heard.kind = Kind::end;
    return heard;
  }
  heard.fds = std::move(message->fds);
  const std::size_t expected = 1U + request.has_output + request.has_error;
  heard.kind = message->is_cut || heard.fds.size() != expected ? Kind::cut : Kind::start;
  return heard;
}

}  // namespace shoal::process
