// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <exception>
#include <string_view>

#include "serial/remote_origin.hpp"
#include "shoal/reader.hpp"
#include "shoal/writer.hpp"

namespace shoal::serial {

/// An exception type that every process knows: how to tell it, and how what it holds beside its
/// text is written and read.
struct ExceptionKind {
  std::string_view name;
  bool (*matches)(const std::exception& error);
  void (*encode)(Writer& writer, const std::exception& error);
  void (*raise)(Reader& reader, RemoteOrigin origin);  ///< never returns
};

/// The kind nearest to `error`; null if it is none.
const ExceptionKind* find_kind(const std::exception& error);

/// The kind of that name; null if there is none.
const ExceptionKind* find_kind(std::string_view name);

}  // namespace shoal::serial
