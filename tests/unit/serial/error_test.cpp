// SPDX-License-Identifier: Apache-2.0
#include "shoal/error.hpp"

#include <gtest/gtest.h>

#include <stdexcept>
#include <type_traits>

namespace shoal {
namespace {

TEST(ErrorTest, SaysExactlyWhatItWasGiven) {
  EXPECT_STREQ(Error("one sentence").what(), "one sentence");
  const StartError error(std::make_error_code(std::errc::too_many_files_open), "fork: no room");
  EXPECT_STREQ(error.what(), "fork: no room");
}

TEST(ErrorTest, CarriesTheSystemsCode) {
  const StartError error(std::make_error_code(std::errc::too_many_files_open), "fork: no room");
  EXPECT_EQ(error.code(), std::errc::too_many_files_open);
}

TEST(ErrorTest, CarriesTheCodeOfItsClass) {
  EXPECT_EQ(Error("x").code(), errc::failed);
  EXPECT_EQ(StartError("x").code(), errc::start_failed);
  EXPECT_EQ(TimeoutError("x").code(), errc::timed_out);
  EXPECT_EQ(TaskTimeoutError("x").code(), errc::task_timed_out);
  EXPECT_EQ(CancelledError("x").code(), errc::cancelled);
  EXPECT_EQ(BrokenPoolError("x").code(), errc::broken_pool);
  EXPECT_EQ(PoolClosedError("x").code(), errc::pool_closed);
  EXPECT_EQ(ClosedError("x").code(), errc::closed);
  EXPECT_EQ(EndOfStreamError("x").code(), errc::end_of_stream);
  EXPECT_EQ(AuthenticationError("x").code(), errc::authentication_failed);
  EXPECT_EQ(OwnerDiedError("x").code(), errc::owner_died);
  EXPECT_EQ(BrokenBarrierError("x").code(), errc::broken_barrier);
  EXPECT_EQ(CodecError("x").code(), errc::bad_message);
  EXPECT_EQ(ManagerDiedError("x").code(), errc::manager_died);
  EXPECT_EQ(ResourceError("x").code(), errc::resource_exhausted);
}

TEST(ErrorTest, FormsTheTreeOfThePage) {
  static_assert(std::is_base_of_v<std::system_error, Error>);
  static_assert(std::is_base_of_v<TimeoutError, TaskTimeoutError>);
  static_assert(std::is_base_of_v<ClosedError, EndOfStreamError>);
  static_assert(std::is_base_of_v<Error, WorkerLostError> && std::is_base_of_v<Error, RemoteError>);
}

TEST(ErrorTest, CopiesWithoutThrowing) {
  static_assert(std::is_nothrow_copy_constructible_v<Error>);
  static_assert(std::is_nothrow_copy_constructible_v<WorkerLostError>);
  const WorkerLostError first("lost", {.pid = 7, .signal = 9, .task_name = "work"});
  const WorkerLostError second = first;
  EXPECT_STREQ(second.what(), first.what());
}

TEST(ErrorTest, AWorkerLossSaysWhatIsKnown) {
  const WorkerLostError error("lost", {.pid = 7, .signal = 9, .task_name = "work"});
  EXPECT_EQ(error.code(), errc::worker_lost);
  EXPECT_EQ(error.pid(), 7);
  EXPECT_EQ(error.signal(), 9);
  EXPECT_EQ(error.exit_status(), std::nullopt);
  EXPECT_EQ(error.task_name(), "work");
  EXPECT_FALSE(error.out_of_memory());
  EXPECT_EQ(error.backtrace(), "");
}

TEST(ErrorTest, ComparesToPortableConditions) {
  EXPECT_EQ(TimeoutError("x").code(), std::errc::timed_out);
  EXPECT_EQ(TaskTimeoutError("x").code(), std::errc::timed_out);
  EXPECT_EQ(CancelledError("x").code(), std::errc::operation_canceled);
  EXPECT_NE(ClosedError("x").code(), std::errc::timed_out);
}

TEST(ErrorTest, EveryCodeHasAText) {
  EXPECT_STREQ(error_category().name(), "shoal");
  for (int value = 1; value <= static_cast<int>(errc::resource_exhausted); ++value) {
    EXPECT_NE(error_category().message(value), "unknown error") << value;
  }
}

}  // namespace
}  // namespace shoal
