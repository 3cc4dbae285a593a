// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/log.hpp"
#include "memory/mapping.hpp"
#include "metrics/log_writer.hpp"
#include "os/fd.hpp"
#include "pool/board.hpp"
#include "sync/hardware.hpp"

namespace shoal::pool {

/// The worker's side of its black box: from its making on, the records of this process's logger go
/// there, and crashes are reported there. Lives until the process ends.
class WorkerLog final : public base::LogTaker {
 public:
  /// Begins, with the descriptors of the box, of the log bell and of the board. Once in a process,
  /// before its first task. @throws ResourceError
  static void begin(int box, int bell, int board);

  void take(LogLevel level, std::chrono::system_clock::time_point time,
            std::string_view text) noexcept override;

 private:
  using SharedBox = metrics::BlackBox<sync::Hardware>;

  WorkerLog(memory::Mapping box, os::Fd bell, memory::Mapping board);
  SharedBox& shared() const noexcept;

  const memory::Mapping box_;
  const os::Fd bell_;
  const memory::Mapping board_;
  metrics::LogWriter<sync::Hardware> writer_;
  std::uint64_t rung_epoch_ = ~std::uint64_t{0};
};

}  // namespace shoal::pool
