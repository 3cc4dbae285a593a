// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "os/sentinel.hpp"
#include "pool/black_box.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {

/// What is known of a worker that has ended, gathered at once; the names of functions are looked up
/// when the first error tells them. Safe from many threads.
class Certificate {
 public:
  /// After BlackBox::finish(). `is_killed_by_us`: a SIGKILL is no riddle.
  Certificate(BlackBox& box, std::optional<os::ExitStatus> status, bool is_killed_by_us);

  /// Adds to `loss` what the exit status does not say.
  void complete(WorkerLoss& loss) const;
  /// What the message of an error adds: last words, the memory killer, the innermost frames.
  std::string summary() const;

 private:
  const std::vector<std::string>& frames() const;

  std::optional<Crash> crash_;
  std::string last_words_;
  std::vector<std::string> last_lines_;
  std::optional<os::Usage> usage_;
  bool out_of_memory_ = false;
  mutable std::once_flag is_named_;
  mutable std::vector<std::string> frames_;
};

}  // namespace shoal::pool
