// SPDX-License-Identifier: Apache-2.0
#include "shoal/error.hpp"

#include <utility>

namespace shoal {
namespace {

const char* text_of(errc value) noexcept {
  switch (value) {
    case errc::failed:
      return "the operation failed";
    case errc::start_failed:
      return "the process could not be started";
    case errc::remote_exception:
      return "the task threw an exception";
    case errc::worker_lost:
      return "the worker died";
    case errc::timed_out:
      return "the time to wait is over";
    case errc::task_timed_out:
      return "the task ran too long";
    case errc::cancelled:
      return "the task was cancelled";
    case errc::broken_pool:
      return "the pool is broken";
    case errc::pool_closed:
      return "the pool was shut down";
    case errc::closed:
      return "the handle is closed";
    case errc::end_of_stream:
      return "end of stream";
    case errc::authentication_failed:
      return "authentication failed";
    case errc::owner_died:
      return "the owner of the lock died";
    case errc::broken_barrier:
      return "the barrier is broken";
    case errc::bad_message:
      return "the bytes do not mean what they should";
    case errc::manager_died:
      return "the manager is gone";
    case errc::resource_exhausted:
      return "a resource is exhausted";
  }
  return "unknown error";
}

class Category final : public std::error_category {
 public:
  const char* name() const noexcept override { return "shoal"; }
  std::string message(int value) const override { return text_of(static_cast<errc>(value)); }

  // What a program tests portably: `e.code() == std::errc::timed_out`.
  std::error_condition default_error_condition(int value) const noexcept override {
    switch (static_cast<errc>(value)) {
      case errc::timed_out:
      case errc::task_timed_out:
        return std::errc::timed_out;
      case errc::cancelled:
        return std::errc::operation_canceled;
      case errc::bad_message:
        return std::errc::bad_message;
      case errc::owner_died:
        return std::errc::owner_dead;
      default:
        return {value, *this};
    }
  }
};

}  // namespace

const std::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

std::error_code make_error_code(errc value) noexcept {
  return {static_cast<int>(value), error_category()};
}

Error::Error(std::error_code code, std::string_view what)
    : std::system_error(code), what_(std::make_shared<const std::string>(what)) {}

const char* Error::what() const noexcept { return what_->c_str(); }

struct RemoteError::Origin {
  std::string type_name;
  std::string trace;
};

RemoteError::RemoteError(std::string_view type_name, std::string_view what, std::string_view trace)
    : Error(errc::remote_exception, what),
      origin_(std::make_shared<const Origin>(Origin{std::string(type_name), std::string(trace)})) {}

const std::string& RemoteError::type_name() const noexcept { return origin_->type_name; }
const std::string& RemoteError::trace() const noexcept { return origin_->trace; }

WorkerLostError::WorkerLostError(std::string_view what, WorkerLoss loss)
    : Error(errc::worker_lost, what), loss_(std::make_shared<const WorkerLoss>(std::move(loss))) {}

}  // namespace shoal
