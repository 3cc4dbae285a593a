// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "os/sentinel.hpp"
#include "pool/black_box.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {

/// What is known of a worker that has ended. Those who wait for its tasks are told of the loss
/// first: what its black box says is gathered then, or by the first error that tells it, which
/// looks up the names of functions, too. Safe from many threads.
class Certificate {
 public:
  /// `is_killed_by_us`: a SIGKILL is no riddle.
  Certificate(std::shared_ptr<BlackBox> box, std::optional<os::ExitStatus> status,
              bool is_killed_by_us) noexcept
      : status_(std::move(status)), is_killed_by_us_(is_killed_by_us), box_(std::move(box)) {}

  /// Reads the black box and lets go of it, unless that was done. Without the memory for it,
  /// whoever wants to know tries again.
  void gather() const noexcept;

  /// Adds to `loss` what the exit status does not say.
  void complete(WorkerLoss& loss) const;
  /// What the message of an error adds: last words, the memory killer, the innermost frames.
  std::string summary() const;

 private:
  // What the box says.
  struct Findings {
    std::optional<Crash> crash;
    std::string last_words;
    std::vector<std::string> last_lines;
    bool out_of_memory = false;
  };
  Findings read_box() const;
  const Findings& findings() const;
  const std::vector<std::string>& frames() const;

  const std::optional<os::ExitStatus> status_;
  const bool is_killed_by_us_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<BlackBox> box_;  // guarded by mutex_; none: it was read
  mutable Findings findings_;              // the same, until then
  mutable std::once_flag is_named_;
  mutable std::vector<std::string> frames_;
};

}  // namespace shoal::pool
