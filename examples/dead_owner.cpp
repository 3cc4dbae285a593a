// SPDX-License-Identifier: Apache-2.0
// A process is killed while it holds a lock. Nobody hangs: the next is told, mends what the lock
// guards, and goes on.
//
//   the cashier has the till, and dies
//   told that the owner died
//   the till was empty; there are 100 in it again
//   the lock works: 100

#include <csignal>
#include <cstdio>
#include <mutex>
#include <shoal/shoal.hpp>

// Takes the money out to count it, and never puts it back.
void count_money(shoal::Lock lock, shoal::Queue<int> till) {
  const std::lock_guard guard(lock);
  till.get();
  std::raise(SIGKILL);
}

int main(int argc, char** argv) {
  shoal::bootstrap(argc, argv);

  shoal::Lock lock;  // guards the till, which has 100 in it whenever the lock is free
  shoal::Queue<int> till;
  till.put(100);

  std::puts("the cashier has the till, and dies");
  shoal::Process cashier{count_money, lock, till};
  cashier.start();
  cashier.join();

  try {
    const std::lock_guard guard(lock);
    std::puts("never reached: the till is not in order");
  } catch (const shoal::OwnerDiedError&) {
    std::puts("told that the owner died");
  }

  lock.recover([&] {  // called while the lock is held
    if (till.empty()) till.put(100);
    std::puts("the till was empty; there are 100 in it again");
  });

  const std::lock_guard guard(lock);
  std::printf("the lock works: %d\n", till.get());
}
