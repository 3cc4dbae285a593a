// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "shared/object_layout.hpp"

// What processes say to a hub, each in one packet through its door, and what it answers, each in
// one packet through the tether of the process that asked. The kernel tells the hub who speaks.
//
//   Ask::join     with the other end of the speaker's tether    Answer{participant}
//   Ask::adopt    with an object's file, and its bell if any   Answer
//   Ask::deposit  with the descriptors of a message            Answer
//   Ask::claim                                                 Answer with those descriptors
//
// A tether is a socket pair that a process keeps for all its hubs, each of which has the other end;
// it ends with the process, and when the process executes another program.

namespace shoal::shared {

enum class Ask : std::uint32_t { join = 1, adopt, deposit, claim };

inline constexpr std::uint32_t kHubVersion = 1;

struct Question {
  std::uint32_t version = kHubVersion;
  Ask ask = Ask::join;
  std::uint64_t nonce = 0;    ///< repeated by the answer
  std::uint64_t subject = 0;  ///< adopt, deposit: the object's number
  std::uint64_t token = 0;    ///< deposit, claim: names what is left with the hub
};

struct Answer {
  std::uint64_t hub = 0;
  std::uint64_t nonce = 0;
  std::int32_t error = 0;  ///< an error number, or 0
  std::uint32_t participant = 0;
};

}  // namespace shoal::shared
