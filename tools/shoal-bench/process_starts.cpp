// SPDX-License-Identifier: Apache-2.0
// S9: shoal's start methods.
#include <optional>
#include <shoal/shoal.hpp>

#include "host.hpp"
#include "starts.hpp"
#include "timing.hpp"

namespace bench {
namespace {

void send_stamp(const shoal::Connection& out) { out.send(now_ns()); }

double start_ms(const shoal::Context& context) {
  const auto [reader, writer] = shoal::pipe();
  shoal::Process process = context.process(send_stamp, writer);
  const std::int64_t start = now_ns();
  process.start();
  const double result = static_cast<double>(reader.recv<std::int64_t>() - start) / 1e6;
  process.join();
  return result;
}

Figures measure(const Scale& scale, shoal::StartMethod method, bool is_large) {
  const shoal::Context context = shoal::get_context(method);
  std::optional<Ballast> ballast;
  if (is_large) ballast.emplace(scale.pick(std::size_t{1} << 30, std::size_t{1} << 26));
  const std::size_t count =
      is_large ? scale.pick<std::size_t>(20, 2) : scale.pick<std::size_t>(100, 5);
  start_ms(context);  // starts the threads and servers that all later ones use
  std::vector<double> times;
  for (std::size_t i = 0; i < count; ++i) times.push_back(start_ms(context));
  return {median(times)};
}

}  // namespace

Figures measure_process_fork(const Scale& scale) {
  return measure(scale, shoal::StartMethod::fork, false);
}
Figures measure_process_fork_large(const Scale& scale) {
  return measure(scale, shoal::StartMethod::fork, true);
}
Figures measure_process_spawn(const Scale& scale) {
  return measure(scale, shoal::StartMethod::spawn, false);
}
Figures measure_process_spawn_large(const Scale& scale) {
  return measure(scale, shoal::StartMethod::spawn, true);
}
Figures measure_process_forkserver(const Scale& scale) {
  return measure(scale, shoal::StartMethod::forkserver, false);
}
Figures measure_process_forkserver_large(const Scale& scale) {
  return measure(scale, shoal::StartMethod::forkserver, true);
}

}  // namespace bench
