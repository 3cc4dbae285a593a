// SPDX-License-Identifier: Apache-2.0
#include "serial/exception_codec.hpp"

#include <gtest/gtest.h>

#include <any>
#include <cstring>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <new>
#include <optional>
#include <regex>
#include <stdexcept>
#include <typeinfo>
#include <variant>
#include <vector>

#include "shoal/codec.hpp"
#include "shoal/error.hpp"
#include "shoal/remote_trace.hpp"

namespace shoal::serial {
namespace {

Writer encode(const std::exception_ptr& error) {
  Writer writer;
  encode_exception(writer, error, {3, 1234});
  return writer;
}

// Sends the exception to ourselves.
std::exception_ptr send(const std::exception_ptr& error) {
  const Writer writer = encode(error);
  Reader reader(writer.bytes());
  try {
    throw_exception(reader, "work");
  } catch (...) {
    return std::current_exception();
  }
}

// Sends `error`, which must arrive as an E with the same text and a trace. Gives its copy.
template <class E, class Thrown>
std::shared_ptr<const E> arrives_as(const Thrown& error) {
  try {
    std::rethrow_exception(send(std::make_exception_ptr(error)));
  } catch (const std::exception& caught) {  // two std::exception bases would not be caught here
    EXPECT_STREQ(caught.what(), error.what());
    EXPECT_EQ(remote_trace(caught).rfind("task work on worker 3 (pid 1234): ", 0), 0u)
        << remote_trace(caught);
    if (const E* const arrived = dynamic_cast<const E*>(&caught)) {
      return std::make_shared<const E>(*arrived);
    }
  }
  throw std::logic_error("it arrived as another type");
}

template <class E>
void expect_itself(const E& error) {
  EXPECT_NO_THROW(arrives_as<E>(error)) << typeid(E).name();
}

TEST(ExceptionCodecTest, StandardTypesWithTextArriveAsThemselves) {
  expect_itself(std::logic_error("a"));
  expect_itself(std::invalid_argument("b"));
  expect_itself(std::domain_error("c"));
  expect_itself(std::length_error("d"));
  expect_itself(std::out_of_range("e"));
  expect_itself(std::runtime_error("f"));
  expect_itself(std::range_error("g"));
  expect_itself(std::overflow_error("h"));
  expect_itself(std::underflow_error("i"));
}

TEST(ExceptionCodecTest, StandardTypesWithoutTextArriveAsThemselves) {
  expect_itself(std::exception());
  expect_itself(std::bad_alloc());
  expect_itself(std::bad_array_new_length());
  expect_itself(std::bad_cast());
  expect_itself(std::bad_typeid());
  expect_itself(std::bad_exception());
  expect_itself(std::bad_function_call());
  expect_itself(std::bad_optional_access());
  expect_itself(std::bad_variant_access());
  expect_itself(std::bad_any_cast());
  expect_itself(std::bad_weak_ptr());
}

TEST(ExceptionCodecTest, CodesAreKept) {
  const std::error_code code = std::make_error_code(std::errc::no_space_on_device);
  EXPECT_EQ(arrives_as<std::system_error>(std::system_error(code, "x"))->code(), code);
  EXPECT_EQ(arrives_as<std::ios_base::failure>(std::ios_base::failure("x", code))->code(), code);
  EXPECT_EQ(arrives_as<std::future_error>(std::future_error(std::future_errc::no_state))->code(),
            std::future_errc::no_state);
  EXPECT_EQ(
      arrives_as<std::regex_error>(std::regex_error(std::regex_constants::error_brack))->code(),
      std::regex_constants::error_brack);
}

TEST(ExceptionCodecTest, PathsAreKept) {
  namespace fs = std::filesystem;
  const fs::filesystem_error error("copy", "/from", "/to",
                                   std::make_error_code(std::errc::permission_denied));
  const auto arrived = arrives_as<fs::filesystem_error>(error);
  EXPECT_EQ(arrived->path1(), "/from");
  EXPECT_EQ(arrived->path2(), "/to");
  EXPECT_EQ(arrived->code(), std::errc::permission_denied);
}

TEST(ExceptionCodecTest, ACodeOfAForeignCategoryKeepsItsNumber) {
  class Category : public std::error_category {
    const char* name() const noexcept override { return "mine"; }
    std::string message(int) const override { return "my message"; }
  };
  static const Category category;
  const auto arrived = arrives_as<std::system_error>(std::system_error(7, category));
  EXPECT_EQ(arrived->code().value(), 7);
  EXPECT_STREQ(arrived->code().category().name(), "foreign");
}

TEST(ExceptionCodecTest, ShoalsErrorsArriveAsThemselves) {
  expect_itself(Error("a"));
  expect_itself(StartError(std::make_error_code(std::errc::permission_denied), "b"));
  expect_itself(TimeoutError("c"));
  expect_itself(TaskTimeoutError("d"));
  expect_itself(CancelledError("e"));
  expect_itself(BrokenPoolError("f"));
  expect_itself(PoolClosedError("g"));
  expect_itself(ClosedError("h"));
  expect_itself(EndOfStreamError("i"));
  expect_itself(AuthenticationError("j"));
  expect_itself(OwnerDiedError("k"));
  expect_itself(BrokenBarrierError("l"));
  expect_itself(CodecError("m"));
  expect_itself(ManagerDiedError("n"));
  expect_itself(ResourceError("o"));
  EXPECT_EQ(arrives_as<StartError>(StartError(std::make_error_code(std::errc::not_supported), "p"))
                ->code(),
            std::errc::not_supported);
}

TEST(ExceptionCodecTest, ALostWorkerKeepsWhatIsKnown) {
  const WorkerLostError error(
      "lost",
      {.pid = 9,
       .signal = 11,
       .task_name = "inner",
       .out_of_memory = true,
       .backtrace = "frames",
       .attempt = 2,
       .usage = ResourceUsage{std::chrono::seconds(3), std::chrono::seconds(1), 4096},
       .message = "words",
       .last_log_lines = {"[warning] one", "[error] two"}});
  const auto arrived = arrives_as<WorkerLostError>(error);
  EXPECT_EQ(arrived->pid(), 9);
  EXPECT_EQ(arrived->signal(), 11);
  EXPECT_EQ(arrived->exit_status(), std::nullopt);
  EXPECT_EQ(arrived->task_name(), "inner");
  EXPECT_TRUE(arrived->out_of_memory());
  EXPECT_EQ(arrived->backtrace(), "frames");
  EXPECT_EQ(arrived->attempt(), 2U);
  ASSERT_TRUE(arrived->usage());
  EXPECT_EQ(arrived->usage()->user_time, std::chrono::seconds(3));
  EXPECT_EQ(arrived->usage()->system_time, std::chrono::seconds(1));
  EXPECT_EQ(arrived->usage()->max_rss_bytes, 4096U);
  EXPECT_EQ(arrived->message(), "words");
  EXPECT_EQ(arrived->last_log_lines().size(), 2U);
}

struct MyArgument : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
struct MyAlloc : std::bad_alloc {
  const char* what() const noexcept override { return "my own words"; }
};
struct MyException : std::exception {
  const char* what() const noexcept override { return "mine"; }
};

TEST(ExceptionCodecTest, ADerivedTypeArrivesAsItsNearestStandardBase) {
  const auto arrived = arrives_as<std::invalid_argument>(MyArgument("x"));
  arrives_as<std::bad_alloc>(MyAlloc());
  const std::exception_ptr sent = send(std::make_exception_ptr(MyArgument("x")));
  EXPECT_NE(remote_trace(sent).find("MyArgument: x"), std::string::npos) << remote_trace(sent);
}

TEST(ExceptionCodecTest, AnotherTypeArrivesAsRemoteError) {
  const auto arrived = arrives_as<RemoteError>(MyException());
  EXPECT_NE(arrived->type_name().find("MyException"), std::string::npos);
  EXPECT_EQ(arrived->trace(), remote_trace(*arrived));
  EXPECT_EQ(arrived->code(), errc::remote_exception);
}

template <class Thrown>
void expect_remote(const Thrown& thrown, const std::string& type, const std::string& what) {
  try {
    std::rethrow_exception(send(std::make_exception_ptr(thrown)));
  } catch (const RemoteError& error) {
    EXPECT_EQ(error.type_name(), type);
    EXPECT_EQ(error.what(), what);
  }
}

TEST(ExceptionCodecTest, WhatIsNoExceptionArrivesAsRemoteError) {
  expect_remote(42, "int", "an exception of type int");
  expect_remote(std::string("text"), "std::string", "text");
  expect_remote(static_cast<const char*>("text"), "const char*", "text");
}

TEST(ExceptionCodecTest, ARemoteErrorPassedOnKeepsItsType) {
  const std::exception_ptr first = send(std::make_exception_ptr(MyException()));
  try {
    std::rethrow_exception(send(first));
  } catch (const RemoteError& error) {
    EXPECT_NE(error.type_name().find("MyException"), std::string::npos);
  }
}

TEST(ExceptionCodecTest, ATraceGrowsFromProcessToProcess) {
  const std::exception_ptr first = send(std::make_exception_ptr(std::runtime_error("deep")));
  const std::string trace = remote_trace(send(first));
  const std::string line = "task work on worker 3 (pid 1234): std::runtime_error: deep\n";
  EXPECT_EQ(trace, line + line);
}

TEST(ExceptionCodecTest, NestedExceptionsStandInTheTrace) {
  std::exception_ptr error;
  try {
    try {
      try {
        throw 5;
      } catch (...) {
        std::throw_with_nested(std::out_of_range("inner"));
      }
    } catch (...) {
      std::throw_with_nested(std::runtime_error("outer"));
    }
  } catch (...) {
    error = std::current_exception();
  }
  EXPECT_EQ(remote_trace(send(error)),
            "task work on worker 3 (pid 1234): std::runtime_error: outer\n"
            "caused by std::out_of_range: inner\n"
            "caused by int\n");
}

TEST(ExceptionCodecTest, HugeTextIsCut) {
  try {
    std::rethrow_exception(
        send(std::make_exception_ptr(std::runtime_error(std::string(1 << 20, 'x')))));
  } catch (const std::runtime_error& error) {
    EXPECT_EQ(std::strlen(error.what()), 64u << 10);
  }
}

TEST(ExceptionCodecTest, BytesThatAreNoTextAreKept) {
  arrives_as<std::runtime_error>(std::runtime_error("\xff\n\x01 end"));
}

TEST(ExceptionCodecTest, ATextThatIsNullIsEmpty) {
  struct Silent : std::bad_alloc {
    const char* what() const noexcept override { return nullptr; }
  };
  try {
    std::rethrow_exception(send(std::make_exception_ptr(Silent())));
  } catch (const std::bad_alloc& error) {
    EXPECT_STREQ(error.what(), "");
  }
}

TEST(ExceptionCodecTest, EachThrowIsACopyOfItsOwn) {
  const Writer writer = encode(std::make_exception_ptr(std::runtime_error("x")));
  const auto address = [&]() -> const void* {
    Reader reader(writer.bytes());
    try {
      throw_exception(reader, "work");
    } catch (const std::runtime_error& error) {
      static std::vector<std::exception_ptr> kept;
      kept.push_back(std::current_exception());
      return &error;
    }
  };
  EXPECT_NE(address(), address());
}

TEST(ExceptionCodecTest, WhatWasThrownHereHasNoTrace) {
  EXPECT_EQ(remote_trace(std::runtime_error("x")), "");
  EXPECT_EQ(remote_trace(std::make_exception_ptr(1)), "");
  EXPECT_EQ(remote_trace(std::exception_ptr()), "");
}

TEST(ExceptionCodecTest, MalformedBytesAreRefused) {
  const std::filesystem::filesystem_error error("x", "/a", "/b", std::error_code());
  for (const std::exception_ptr& sent :
       {std::make_exception_ptr(error), std::make_exception_ptr(std::runtime_error("x")),
        std::make_exception_ptr(MyException())}) {
    const Writer writer = encode(sent);
    for (std::size_t size = 0; size < writer.bytes().size(); ++size) {
      Reader reader(writer.bytes().first(size));
      EXPECT_THROW(throw_exception(reader, "work"), CodecError);
    }
  }
}

TEST(ExceptionCodecTest, AnUnknownKindIsRefused) {
  Writer writer;
  for (const char* text : {"std::no_such_error", "what", "trace"}) writer.put(std::string(text));
  Reader reader(writer.bytes());
  EXPECT_THROW(throw_exception(reader, "work"), CodecError);
}

TEST(ExceptionCodecTest, ALibrarysCopyOfATypeIsKnownByItsName) {
  std::exception_ptr error;
  try {
    static_cast<void>(std::stoi("no number"));
  } catch (...) {
    error = std::current_exception();
  }
  EXPECT_THROW(std::rethrow_exception(send(error)), std::invalid_argument);
}

}  // namespace
}  // namespace shoal::serial
