// SPDX-License-Identifier: Apache-2.0
// What shared memory promises, between threads and between processes of every start method.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <shoal/context.hpp>
#include <shoal/error.hpp>
#include <shoal/pool_options.hpp>
#include <shoal/process_pool_executor.hpp>
#include <shoal/queue.hpp>
#include <shoal/shared_memory.hpp>
#include <stdexcept>

#include "conformance/own_shm.hpp"
#include "conformance/parties.hpp"
#include "os/memfd.hpp"
#include "support/leak_guard.hpp"

namespace shoal::test {
namespace {

namespace fs = std::filesystem;

[[maybe_unused]] const auto* const own_shm = testing::AddGlobalTestEnvironment(new OwnShm);

// A name of this test's own; nothing is called that when it begins and when it has ended.
class Name {
 public:
  explicit Name(const std::string& rest = "memory")
      : text_(std::to_string(::getpid()) + '.' + rest) {}
  ~Name() {
    EXPECT_FALSE(is_there(text_));
    fs::remove_all(path_of(text_));
  }
  Name(const Name&) = delete;
  Name& operator=(const Name&) = delete;
  const std::string& text() const { return text_; }

 private:
  const std::string text_;
};

void write(const SharedMemory& memory, std::string_view text) {
  std::memcpy(memory.span().data(), text.data(), text.size());
}
std::string read(const SharedMemory& memory, std::size_t bytes = 5) {
  return {reinterpret_cast<const char*>(memory.span().data()), bytes};
}

class SharedMemorySuite : public PartySuite {};

TEST_P(SharedMemorySuite, IsFoundByItsName_142) {
  EXPECT_TRUE(start([] {}).join());  // helpers stay
  const LeakGuard guard;
  const Name kept_free;
  const std::string& name = kept_free.text();
  const SharedMemory memory = SharedMemory::create(500, name);
  EXPECT_EQ(memory.name(), name);
  EXPECT_EQ(memory.size(), 500U);
  EXPECT_EQ(memory.span().size(), 500U);
  EXPECT_TRUE(std::ranges::all_of(memory.span(), [](std::byte b) { return b == std::byte{}; }));
  write(memory, "hello");
  const auto look = [](const std::string& called) {
    const SharedMemory same = SharedMemory::attach(called);
    if (same.size() != 500 || read(same) != "hello") throw std::logic_error(read(same));
    write(same, "world");
  };
  EXPECT_TRUE(start(look, name).join());
  EXPECT_EQ(read(memory), "world");
  memory.unlink();
}

TEST_P(SharedMemorySuite, WhatMakesNoSenseIsRefused_143_153) {
  const Name kept_free;
  const std::string& name = kept_free.text();
  EXPECT_THROW(SharedMemory::create(0), std::invalid_argument);
  EXPECT_THROW(SharedMemory::create(static_cast<std::size_t>(-1), name), std::invalid_argument);
  for (const std::string& bad :
       {std::string(), std::string("a/b"), std::string("a\0b", 3), std::string(250, 'x')}) {
    EXPECT_THROW(SharedMemory::create(1, bad), std::invalid_argument) << bad;
    EXPECT_THROW(SharedMemory::attach(bad), std::invalid_argument) << bad;
  }
  EXPECT_EQ(code_of([&] { SharedMemory::attach(name); }), std::errc::no_such_file_or_directory);
  const SharedMemory memory = SharedMemory::create(1, name);
  EXPECT_EQ(code_of([&] { SharedMemory::create(1, name); }), std::errc::file_exists);
  Party other = start(
      [](const std::string& taken) {
        const auto code = code_of([&] { SharedMemory::create(1, taken); });
        if (code != std::errc::file_exists) throw std::logic_error(code.message());
      },
      name);
  EXPECT_TRUE(other.join());
  memory.unlink();
  SharedMemory::create(1, name).unlink();
}

TEST_P(SharedMemorySuite, IsUnlinkedOnce_144) {
  const Name kept_free;
  const std::string& name = kept_free.text();
  const SharedMemory memory = SharedMemory::create(1, name);
  memory.close();
  EXPECT_TRUE(is_there(name));
  EXPECT_TRUE(
      start([](const std::string& called) { SharedMemory::attach(called).unlink(); }, name).join());
  EXPECT_EQ(code_of([&] { memory.unlink(); }), std::errc::no_such_file_or_directory);
  const SharedMemory successor = SharedMemory::create(1, name);
  EXPECT_EQ(code_of([&] { memory.unlink(); }), std::errc::no_such_file_or_directory);
  successor.unlink();
  EXPECT_EQ(code_of([&] { SharedMemory::create(1).unlink(); }),
            std::errc::no_such_file_or_directory);
}

TEST_P(SharedMemorySuite, AHandleWorksAlsoAfterUnlink_145) {
  const Name kept_free;
  const std::string& name = kept_free.text();
  const SharedMemory memory = SharedMemory::create(5, name);
  memory.unlink();
  write(memory, "hello");
  Party other = start(
      [](const SharedMemory& same) {
        if (read(same) != "hello") throw std::logic_error(read(same));
        write(same, "world");
      },
      memory);
  EXPECT_TRUE(other.join());
  EXPECT_EQ(read(memory), "world");
}

TEST_P(SharedMemorySuite, IsWrittenByNameAndByHandle_146) {
  EXPECT_TRUE(start([] {}).join());  // helpers stay
  const LeakGuard guard;
  const Name kept_free;
  const std::string& name = kept_free.text();
  const SharedMemory memory = SharedMemory::create(10, name);
  const SharedMemory nameless = SharedMemory::create(5);
  EXPECT_EQ(nameless.name(), "");
  Party other = start(
      [](const SharedMemory& same, const SharedMemory& also) {
        write(same, "by");
        const SharedMemory named = SharedMemory::attach(same.name());
        std::memcpy(named.span().data() + 2, "name", 4);
        write(also, "hello");
      },
      memory, nameless);
  EXPECT_TRUE(other.join());
  EXPECT_EQ(read(memory, 6), "byname");
  EXPECT_EQ(read(nameless), "hello");
  memory.unlink();
}

TEST_P(SharedMemorySuite, ComesBackInAQueue) {
  const Queue<SharedMemory> queue;
  Party other = start(
      [](const Queue<SharedMemory>& out) {
        const SharedMemory made = SharedMemory::create(5);
        write(made, "hello");
        out.put(made);
      },
      queue);
  const SharedMemory memory = queue.get();
  EXPECT_TRUE(other.join());
  EXPECT_EQ(read(memory), "hello");
}

SHOAL_FOR_EACH_HOME(SharedMemorySuite);

class SharedMemoryPoolSuite : public testing::TestWithParam<StartMethod> {};

TEST_P(SharedMemoryPoolSuite, IsArgumentAndResultAlsoInASandbox) {
  ProcessPoolExecutor pool(
      {.max_workers = 1, .context = get_context(GetParam()), .sandbox = Sandbox::strict});
  const Name kept_free;
  const std::string& name = kept_free.text();
  const SharedMemory named = SharedMemory::create(5, name);
  const SharedMemory nameless = SharedMemory::create(5);
  for (const SharedMemory& memory : {named, nameless}) {
    const auto fill = [](const SharedMemory& same) {
      write(same, "hello");
      return same;
    };
    const SharedMemory result = pool.submit(fill, memory).get();
    EXPECT_EQ(result.span().data(), memory.span().data());
    EXPECT_EQ(read(result), "hello");
  }
  named.unlink();
}

SHOAL_FOR_EACH_START_METHOD(SharedMemoryPoolSuite);

// --- one process --------------------------------------------------------------------------------

TEST(SharedMemoryTest, IsMappedOnceInAProcess) {
  const Name kept_free;
  const std::string& name = kept_free.text();
  const SharedMemory memory = SharedMemory::create(5, name);
  const SharedMemory other = SharedMemory::attach(name);
  EXPECT_EQ(memory.span().data(), other.span().data());
  memory.close();
  const SharedMemory third = SharedMemory::attach(name);
  EXPECT_EQ(third.span().data(), other.span().data());
  memory.unlink();
}

TEST(SharedMemoryTest, IsClosedWithItsCopiesAlone) {
  const LeakGuard guard;
  const Name kept_free;
  const std::string& name = kept_free.text();
  const SharedMemory memory = SharedMemory::create(5, name);
  const SharedMemory copy = memory;
  const SharedMemory other = SharedMemory::attach(name);
  memory.close();
  copy.close();
  EXPECT_THROW(copy.span(), ClosedError);
  Writer writer;
  EXPECT_THROW(writer.put(copy), ClosedError);
  EXPECT_EQ(copy.size(), 5U);
  write(other, "hello");
  other.close();
  EXPECT_EQ(read(SharedMemory::attach(name)), "hello");
  copy.unlink();
}

TEST(SharedMemoryTest, ABareForksChildMayNotUseIt) {
  const Name kept_free;
  const std::string& name = kept_free.text();
  const SharedMemory named = SharedMemory::create(5, name);
  const SharedMemory nameless = SharedMemory::create(5);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto is_refused = [](auto call) {
      try {
        call();
        return false;
      } catch (const ClosedError&) {
        return true;
      }
    };
    bool all = true;
    for (const SharedMemory& memory : {named, nameless}) {
      all = all && is_refused([&] { memory.span(); }) && is_refused([&] { memory.size(); }) &&
            is_refused([&] { memory.name(); }) && is_refused([&] { memory.close(); }) &&
            is_refused([&] { memory.unlink(); });
    }
    ::_exit(all ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(code_of([&] { SharedMemory::create(1, name); }), std::errc::file_exists);
  named.unlink();
}

TEST(SharedMemoryTest, MoreThanTheMachineHasIsAnErrorAndLeavesNothing) {
  const Name kept_free;
  const std::string& name = kept_free.text();
  EXPECT_THROW(SharedMemory::create(std::size_t{1} << 50), ResourceError);
  EXPECT_THROW(SharedMemory::create(std::size_t{1} << 50, name), ResourceError);
  EXPECT_FALSE(has_unfinished());
}

// Who has put something in a name's place is not followed, not waited for, and not removed.
TEST(SharedMemoryTest, WhatIsNoMemoryOfThisUsersIsLeftAlone) {
  const Name kept_free;
  const std::string& called = kept_free.text();
  const fs::path path = path_of(called);
  const fs::path target = fs::temp_directory_path() / called;
  std::ofstream(target) << "precious";
  ::chmod(target.c_str(), 0600);
  const auto check = [&](const char* what) {
    SharedMemory::create(1, called + ".other").unlink();  // sweeps
    const std::error_code attached = code_of([&] { SharedMemory::attach(called); });
    EXPECT_TRUE(attached == std::errc::permission_denied || attached == std::errc::invalid_argument)
        << what << ": " << attached.message();
    EXPECT_EQ(code_of([&] { SharedMemory::create(1, called); }), std::errc::file_exists) << what;
    EXPECT_TRUE(is_there(called)) << what;
    fs::remove_all(path);
  };
  fs::create_symlink(target, path);
  check("a link");
  fs::create_directory(path);
  check("a folder");
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  check("a pipe");
  fs::copy_file(target, path);
  check("a file of another kind");
  std::ofstream(path).close();
  check("a file that others may read");
  if (::geteuid() == 0) {
    fs::copy_file(target, path);
    ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
    check("somebody else's file");
  }
  std::ifstream file(target);
  std::string text;
  file >> text;
  EXPECT_EQ(text, "precious");
  fs::remove(target);
}

// --- handles that lie ---------------------------------------------------------------------------

void receive(const std::string& name, std::uint64_t bytes, UniqueFd fd) {
  Writer writer;
  writer.put(name);
  writer.put(bytes);
  writer.put_fd(std::make_shared<const UniqueFd>(std::move(fd)));
  Reader reader(writer.bytes(), writer.descriptors());
  static_cast<void>(reader.get<SharedMemory>());
}

UniqueFd sealed_file(std::size_t bytes) {
  UniqueFd file = std::move(*os::create_shared_file("lie", bytes));
  EXPECT_TRUE(os::seal(file.get(), os::Writers::those_who_map_it));
  return file;
}

UniqueFd read_only(const UniqueFd& file) {
  return UniqueFd(
      ::open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDONLY | O_CLOEXEC));
}

TEST(SharedMemoryTest, AHandleThatLiesIsRefused) {
  const LeakGuard guard;
  EXPECT_NO_THROW(receive("", 100, sealed_file(100)));
  EXPECT_THROW(receive("", 101, sealed_file(100)), CodecError);
  EXPECT_THROW(receive("", 99, sealed_file(100)), CodecError);
  EXPECT_THROW(receive("", 0, sealed_file(0)), CodecError);
  EXPECT_THROW(receive("", static_cast<std::uint64_t>(-1), sealed_file(100)), CodecError);
  EXPECT_THROW(receive("", 100, std::move(*os::create_shared_file("lie", 100))), CodecError);
  EXPECT_THROW(receive("", 100, read_only(sealed_file(100))), CodecError);
  EXPECT_THROW(receive("name", 100, sealed_file(100)), CodecError);
  EXPECT_THROW(receive("a/b", 100, sealed_file(100)), CodecError);
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd other_end(ends[1]);
  EXPECT_THROW(receive("", 100, UniqueFd(ends[0])), CodecError);
  EXPECT_THROW(receive("name", 100, other_end.duplicate()), CodecError);
}

TEST(SharedMemoryTest, AHandleOfANamedOneThatLiesIsRefused) {
  const Name kept_free;
  const std::string& called = kept_free.text();
  const SharedMemory memory = SharedMemory::create(100, called);
  const auto open = [&] { return UniqueFd(::open(path_of(called).c_str(), O_RDWR | O_CLOEXEC)); };
  EXPECT_NO_THROW(receive(called, 100, open()));
  EXPECT_THROW(receive(called, 99, open()), CodecError);
  EXPECT_THROW(receive(called + "x", 100, open()), CodecError);
  EXPECT_THROW(receive("", 4196, open()), CodecError);
  memory.close();
  EXPECT_THROW(receive("", 4196, open()), CodecError);
  EXPECT_THROW(receive(called, 99, open()), CodecError);
  EXPECT_THROW(receive(called, 100, read_only(open())), CodecError);
  ASSERT_EQ(::ftruncate(open().get(), 4096), 0);
  EXPECT_THROW(receive(called, 100, open()), CodecError);
  EXPECT_EQ(code_of([&] { SharedMemory::attach(called); }), std::errc::invalid_argument);
  memory.unlink();
}

}  // namespace
}  // namespace shoal::test
