// SPDX-License-Identifier: Apache-2.0
#include "instructions.hpp"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "lock_step.hpp"
#include "runner.hpp"

namespace bench {
namespace {

void require_valgrind() try {
  output_of({"valgrind", "--version"});
} catch (const std::exception&) {
  throw std::runtime_error("--instructions needs valgrind: apt-get install valgrind");
}

// Processor counters are not to be had on virtual machines, so that a simulated processor counts.
double instructions_of(const std::string& path, std::size_t count) {
  const std::string output =
      output_of({"valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--log-fd=1",
                 "--toggle-collect=bench::run_lock_step*", own_path(), "--lock-step", path,
                 "--steps", std::to_string(count)});
  const std::string label = "Collected : ";
  const std::size_t at = output.find(label);
  const double found = at == std::string::npos ? 0 : std::atof(output.c_str() + at + label.size());
  if (found <= 0) throw std::runtime_error("callgrind counted nothing:\n" + output);
  return found;
}

}  // namespace

nlohmann::ordered_json count_instructions(const Scale& scale) {
  require_valgrind();
  const std::size_t count = scale.pick<std::size_t>(20'000, 1'000);
  nlohmann::ordered_json json;
  std::printf(
      "instructions of one no-op task, or one message of 64 bytes, both sides in lock-step\n");
  for (const std::string& path : lock_step_paths()) {
    // The difference is without what is done once.
    const double more = instructions_of(path, 2 * count) - instructions_of(path, count);
    json[path] = more / static_cast<double>(count);
    std::printf("    %-20s %8.1f\n", path.c_str(), more / static_cast<double>(count));
  }
  return json;
}

}  // namespace bench
