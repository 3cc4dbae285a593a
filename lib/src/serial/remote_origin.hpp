// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

namespace shoal::serial {

/// What an exception from another process carries beside its standard type. It has no
/// std::exception among its bases: two of them would make `catch (const std::exception&)`
/// ambiguous.
class RemoteOrigin {
 public:
  RemoteOrigin(std::string what, std::string trace)
      : text_(std::make_shared<const Text>(Text{std::move(what), std::move(trace)})) {}
  RemoteOrigin(const RemoteOrigin&) = default;
  RemoteOrigin& operator=(const RemoteOrigin&) = default;
  virtual ~RemoteOrigin();

  const char* remote_what() const noexcept { return text_->what.c_str(); }
  const std::string& trace() const noexcept { return text_->trace; }

 private:
  struct Text {
    std::string what;
    std::string trace;
  };

  std::shared_ptr<const Text> text_;  // copying an exception must not throw
};

/// An exception of type E that arrived from another process: its own `what()`, kept exactly.
template <class E>
class Arrived final : public E, public RemoteOrigin {
 public:
  Arrived(E error, RemoteOrigin origin) : E(std::move(error)), RemoteOrigin(std::move(origin)) {}

  const char* what() const noexcept override { return remote_what(); }
};

}  // namespace shoal::serial
