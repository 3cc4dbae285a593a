// SPDX-License-Identifier: Apache-2.0
// A buffer between processes that holds no more than three values: a lock, and a condition to wait
// for. (shoal::Queue is this and more; here one sees how it may be made.)
//
//   got 1
//   got 4
//   got 9
//   got 16
//   got 25
//   never more than 3 at once: yes

#include <cstdio>
#include <mutex>
#include <shoal/shoal.hpp>

struct Buffer {
  shoal::Lock lock;
  shoal::Condition changed;
  shoal::Queue<int> values;

  void put(int value) {
    std::unique_lock guard(lock);
    changed.wait(guard, [&] { return values.qsize() < 3; });
    values.put(value);
    changed.notify_all();
  }
  int get() {
    std::unique_lock guard(lock);
    changed.wait(guard, [&] { return !values.empty(); });
    const int value = values.get();
    changed.notify_all();
    return value;
  }
};

// A handle is the same thing in every process, also as a member.
void produce(Buffer buffer, shoal::Semaphore too_many) {
  for (int i = 1; i <= 5; ++i) {
    buffer.put(i * i);
    if (buffer.values.qsize() > 3) too_many.release();
  }
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);

  Buffer buffer;
  shoal::Semaphore too_many{0};
  shoal::Process producer{produce, buffer, too_many};
  producer.start();
  for (int i = 0; i < 5; ++i) std::printf("got %d\n", buffer.get());
  producer.join();
  std::printf("never more than 3 at once: %s\n", too_many.value() == 0 ? "yes" : "no");
}
