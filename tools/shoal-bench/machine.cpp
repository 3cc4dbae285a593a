// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <shoal/start_method.hpp>

namespace bench {
namespace {

std::string processor() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::string first_line(const char* path, const char* otherwise) {
  std::ifstream file(path);
  std::string line;
  return std::getline(file, line) ? line : otherwise;
}

std::string kernel() {
  utsname name = {};
  uname(&name);
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> describe_machine() {
  const long memory_mib = sysconf(_SC_PHYS_PAGES) / 1024 * sysconf(_SC_PAGESIZE) / 1024;
  return {
      {"processor", processor()},
      {"cpus", std::to_string(shoal::cpu_count())},
      {"memory", std::to_string(memory_mib) + " MiB"},
      {"kernel", kernel()},
      {"governor",
       first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "none to be seen")},
      {"load", first_line("/proc/loadavg", "unknown")},
      {"compiler", SHOAL_BENCH_COMPILER},
      {"commit", SHOAL_BENCH_COMMIT},
  };
}

}  // namespace bench
