// SPDX-License-Identifier: Apache-2.0
#include "os/landlock.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "os/fd.hpp"

namespace shoal::os {
namespace {

// The same numbers on every architecture; glibc has no wrappers, old headers no names.
constexpr long kCreateRuleset = 444;
constexpr long kRestrictSelf = 446;
constexpr unsigned kAskVersion = 1;

// landlock_ruleset_attr, as of version 4. Older kernels take its first word alone.
struct Ruleset {
  std::uint64_t files;
  std::uint64_t network;
};

// How many kinds of access to files each version knows: all are denied.
constexpr std::array<unsigned, 5> kFileRights = {13, 14, 15, 15, 16};
constexpr std::uint64_t kNetworkRights = 3;  // bind and connect of TCP
constexpr long kNetworkVersion = 4;

}  // namespace

Result<bool> deny_files() noexcept {
  const long version = ::syscall(kCreateRuleset, nullptr, 0, kAskVersion);
  if (version <= 0) return false;
  const std::size_t known =
      std::min<std::size_t>(static_cast<std::size_t>(version), kFileRights.size());
  const bool has_network = version >= kNetworkVersion;
  const Ruleset ruleset{(std::uint64_t{1} << kFileRights[known - 1]) - 1,
                        has_network ? kNetworkRights : 0};
  const std::size_t size = has_network ? sizeof ruleset : sizeof ruleset.files;
  const Fd rules(static_cast<int>(::syscall(kCreateRuleset, &ruleset, size, 0)));
  if (!rules) return failure(errno, "landlock_create_ruleset", "version %ld", version);
  if (::syscall(kRestrictSelf, rules.get(), 0) != 0)
    return failure(errno, "landlock_restrict_self");
  return true;
}

}  // namespace shoal::os
