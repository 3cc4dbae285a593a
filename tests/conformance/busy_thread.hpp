// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <latch>
#include <shoal/shoal.hpp>
#include <utility>

namespace shoal::test {

/// Keeps the one thread of a pool busy until it is told otherwise, or goes.
class BusyThread {
 public:
  explicit BusyThread(ThreadPoolExecutor& threads)
      : task_(threads.submit([this] {
          begun_.count_down();
          go_on_.wait();
        })) {
    begun_.wait();
  }
  ~BusyThread() {
    release();
    task_.wait();
  }
  void release() {
    if (!std::exchange(is_released_, true)) go_on_.count_down();
  }
  Future<void>& task() { return task_; }

 private:
  std::latch begun_{1};
  std::latch go_on_{1};
  bool is_released_ = false;
  Future<void> task_;
};

}  // namespace shoal::test
