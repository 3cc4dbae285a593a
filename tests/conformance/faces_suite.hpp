// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "conformance/executor_suite.hpp"

namespace shoal::test {

inline int square(int n) { return n * n; }
inline int occupy(Connection line) {
  line.send(true);
  return line.recv<int>();
}
inline int fail_with(std::string text) { throw std::runtime_error(std::move(text)); }

/// Keeps one worker of a pool busy until it is released.
class Occupied {
 public:
  explicit Occupied(ProcessPoolExecutor& pool) : Occupied(pool, pipe()) {}

  Future<int>& future() { return future_; }
  /// Ends the task; its result is `n`.
  void release(int n = 0) { here_.send(n); }

 private:
  Occupied(ProcessPoolExecutor& pool, std::pair<Connection, Connection> ends)
      : here_(std::move(ends.first)), future_(pool.submit(occupy, std::move(ends.second))) {
    here_.recv<bool>();  // it has begun: it cannot be cancelled any more
  }

  Connection here_;
  Future<int> future_;
};

}  // namespace shoal::test
