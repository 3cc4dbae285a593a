// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

namespace spdlog {
class logger;
}

namespace shoal {

/// How much the library says; the names and order of spdlog's levels.
enum class LogLevel { trace, debug, info, warn, error, critical, off };

/// Gives the library's logger, "shoal" (include <spdlog/logger.h> to use it); silent below `warn` until told otherwise.
/// A child process starts with a fresh logger of its own at its parent's level. That of a pool's worker has no sinks
/// of its own: each record goes to the parent's, as "PoolWorker-1 pid 1234: text" with its own level and time, soon and
/// in order, on the notifier thread; what was logged before a worker's death comes too. Where a worker logs faster than
/// the sinks write, its oldest records are lost, and a warning counts them. A text beyond 8 KiB is cut.
/// Safe from many threads. Source: Python multiprocessing.get_logger.
std::shared_ptr<spdlog::logger> get_logger();

/// Sends the library's records from `level` up to stderr, and returns the logger. In a worker it sets the level alone.
/// Safe from many threads. Source: Python multiprocessing.log_to_stderr.
std::shared_ptr<spdlog::logger> log_to_stderr(LogLevel level = LogLevel::info);

}  // namespace shoal
