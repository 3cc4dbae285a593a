// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process/child.hpp"
#include "serial/function_ref.hpp"
#include "shoal/logging.hpp"
#include "shoal/start_method.hpp"

// The boot message: the first thing a child hears, whatever started it, over its control socket.
//
//   one SOCK_SEQPACKET message     with it, by SCM_RIGHTS
//   +---------------------------+  +------------------------------------------+
//   | Envelope                  |  | the parent's pidfd                       |
//   | BootHead, by the codec    |  | a sealed memfd: head and payload, if the |
//   | payload                   |  |   two are longer than kMaxInlineBytes    |
//   +---------------------------+  | the payload's descriptors                |
//                                  +------------------------------------------+

namespace shoal::process {

/// Who the child is and what it is to do; travels by the codec.
struct BootHead {
  std::string name;
  std::string identity;
  bool is_daemon;
  int parent_pid;
  std::string parent_name;
  StartMethod start_method;
  LogLevel log_level;
  std::map<std::string, std::string> environment;
  serial::CodeRef entry;
};

/// The longest head and payload that travel in the message itself.
inline constexpr std::size_t kMaxInlineBytes = 32 << 10;

/// A boot message ready to be sent.
class BootMessage {
 public:
  /// Encodes `spec` for a child of this process.
  /// @throws StartError  @throws ResourceError  more descriptors than a message carries
  /// @throws CodecError  the entry is in no loaded module
  explicit BootMessage(const ChildSpec& spec);

  /// Sends it over the parent's end of the child's control socket; EPIPE: the child is gone.
  base::Result<void> send(int control) const;

 private:
  std::vector<std::byte> bytes_;
  std::shared_ptr<const os::Fd> own_sentinel_;
  os::Fd overflow_;
  std::vector<std::shared_ptr<const UniqueFd>> payload_descriptors_;
};

/// A boot message as the child received it.
struct Boot {
  BootHead head;
  std::vector<std::byte> payload;
  std::shared_ptr<const os::Fd> parent_sentinel;
  std::vector<std::shared_ptr<const UniqueFd>> descriptors;
};

/// Waits for the boot message; none if the parent died before it sent one.
/// @throws StartError  the message is damaged or of another version of shoal
/// @throws CodecError  its head is
std::optional<Boot> receive_boot(int control);

}  // namespace shoal::process
