// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <shoal/unique_fd.hpp>
#include <string>
#include <vector>

namespace shoal::test {

/// What a worker that has turned against its pool does.
enum class Attack {
  noise,      ///< random bytes over all that it can write
  gate,       ///< gates that are possible, impossible, or run backwards
  tails,      ///< cq_tail ahead, beyond the ring, backwards
  forgeries,  ///< completions of other tickets, with sizes and offsets that overflow
  words,      ///< taken, started, progress, sleeping, resident, report
  rollback,   ///< as if it had never begun its task; then it dies, or forges a completion
  black_box,  ///< its log and crash report, and then a crash
  files,      ///< truncates, punches holes, writes through /proc/self
  parcels,    ///< floods the control socket
  bells,      ///< rings everybody all the time
  replay,     ///< what its predecessor's memory held when that died
};
inline constexpr int kAttacks = 11;

/// The status of a worker that could change what is its parent's, or could not attack at all.
inline constexpr int kBreached = 99;

/// Attacks until this process is killed, or for some milliseconds; then it ends itself. `loot` is
/// where one worker leaves its memory to the next; it rides along so that this task is alone in
/// its worker's hands.
int attack(Attack how, std::uint64_t seed, const UniqueFd& loot);

/// Returns, and once its result has been collected has a thread say that there are more.
int answer_unasked();

/// Gives `bytes` bytes in strings, and has a thread flip bytes of all that was ever replied until
/// this process ends.
std::vector<std::string> reply_and_flip(std::size_t bytes, std::uint64_t seed);
/// The same in numbers, which the parent reads where they are.
std::vector<std::uint64_t> reply_numbers_and_flip(std::size_t bytes, std::uint64_t seed);

}  // namespace shoal::test
