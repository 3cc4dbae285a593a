// SPDX-License-Identifier: Apache-2.0
#include "pool/worker_limits.hpp"

#include <chrono>
#include <csignal>
#include <system_error>

#include "shared/commons.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

constexpr const char* kOptions = "PoolOptions";

}  // namespace

void confine_worker(const process::Confinement& confinement) {
  // Whoever may make no sockets joins the owners of the handles that it is given by one made before.
  if (confinement.sandbox == Sandbox::strict) shared::Commons::instance().tether();
  process::apply_limits(confinement.limits, kOptions);
  process::apply_sandbox(confinement.sandbox, kOptions);
}

std::optional<os::CpuTimer> make_cpu_timer(const Limits& limits) {
  if (limits.cpu_time == forever) return std::nullopt;
  os::Result<os::CpuTimer> timer = os::CpuTimer::create(limits.cpu_time);
  if (timer) return std::move(*timer);
  throw ResourceError(
      std::error_code(timer.error().error, std::generic_category()),
      "PoolOptions::limits.cpu_time cannot be applied: " + timer.error().to_string());
}

std::string explain_limit(const Limits& limits, const std::optional<os::ExitStatus>& status) {
  if (limits.cpu_time == forever || !status || status->signal != SIGXCPU) return "";
  const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(limits.cpu_time);
  return ": the task used more CPU time than PoolOptions::limits.cpu_time allows (" +
         std::to_string(spent.count()) + " us)";
}

}  // namespace shoal::pool
