// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <signal.h>

#include <array>
#include <cstdlib>
#include <shoal/codec.hpp>
#include <stdexcept>

namespace shoal::test {

/// What a trap does to the process that springs it.
enum class Harm { error, exit, crash };
inline constexpr std::array kHarms{Harm::error, Harm::exit, Harm::crash};

/// When a trap is sprung.
enum class Moment { writing, reading };

/// The status of a process that Harm::exit ends.
constexpr int kTrapStatus = 17;

inline void strike(Harm harm) {
  switch (harm) {
    case Harm::error:
      throw std::domain_error("sprung");
    case Harm::exit:
      std::exit(kTrapStatus);
    case Harm::crash:
      ::signal(SIGSEGV, SIG_DFL);  // sanitizers handle it themselves
      ::raise(SIGSEGV);
  }
}

/// A value that does harm when it is written, or read.
struct Trap {
  Harm harm = Harm::error;
  Moment moment = Moment::writing;
};

inline void look_at(const Trap&) {}
inline Trap set_trap(Harm harm, Moment moment) { return {harm, moment}; }

}  // namespace shoal::test

template <>
struct shoal::Codec<shoal::test::Trap> {
  static void encode(Writer& writer, const test::Trap& trap) {
    if (trap.moment == test::Moment::writing) test::strike(trap.harm);
    writer.put(trap.harm);
  }
  static test::Trap decode(Reader& reader) {
    test::strike(reader.get<test::Harm>());
    return {};
  }
};
