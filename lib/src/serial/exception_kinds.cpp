// SPDX-License-Identifier: Apache-2.0
#include "serial/exception_kinds.hpp"

#include <algorithm>
#include <any>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <ios>
#include <memory>
#include <new>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>

#include "serial/error_category.hpp"
#include "shoal/codec.hpp"
#include "shoal/error.hpp"

namespace shoal::serial {
namespace {

template <class E>
bool is_a(const std::exception& error) {
  return dynamic_cast<const E*>(&error) != nullptr;  // compares names: other libraries' copies too
}

template <class E>
const E& as(const std::exception& error) {
  return dynamic_cast<const E&>(error);
}

template <class E>
[[noreturn]] void raise_arrived(const Reader& reader, E error, RemoteOrigin&& origin) {
  reader.finish();
  throw Arrived<E>(std::move(error), std::move(origin));
}

// A code of a category that other processes may lack arrives with its number only.
void encode_code(Writer& writer, const std::error_code& code) {
  const bool is_known = find_category(code.category().name()) == &code.category();
  writer.put(std::error_code(code.value(), is_known ? code.category() : foreign_category()));
}

// --- types that hold their text, or nothing ----------------------------------------------------

template <class E>
struct Plain {
  static void encode(Writer&, const std::exception&) {}
  static void raise(Reader& reader, RemoteOrigin origin) {
    if constexpr (std::is_constructible_v<E, const char*>) {
      raise_arrived(reader, E(origin.remote_what()), std::move(origin));
    } else {
      raise_arrived(reader, E(), std::move(origin));
    }
  }
};

// --- types with a code -------------------------------------------------------------------------

template <class E>
struct WithCode {
  static void encode(Writer& writer, const std::exception& error) {
    encode_code(writer, as<E>(error).code());
  }
  static void raise(Reader& reader, RemoteOrigin origin) {
    const auto code = reader.get<std::error_code>();
    if constexpr (std::is_constructible_v<E, const char*, std::error_code>) {
      raise_arrived(reader, E(origin.remote_what(), code), std::move(origin));
    } else {
      raise_arrived(reader, E(code, origin.remote_what()), std::move(origin));
    }
  }
};

struct FutureError {
  static void encode(Writer& writer, const std::exception& error) {
    writer.put(as<std::future_error>(error).code().value());
  }
  static void raise(Reader& reader, RemoteOrigin origin) {
    const auto code = static_cast<std::future_errc>(reader.get<int>());
    raise_arrived(reader, std::future_error(code), std::move(origin));
  }
};

struct RegexError {
  static void encode(Writer& writer, const std::exception& error) {
    writer.put(static_cast<int>(as<std::regex_error>(error).code()));
  }
  static void raise(Reader& reader, RemoteOrigin origin) {
    const auto code = static_cast<std::regex_constants::error_type>(reader.get<int>());
    raise_arrived(reader, std::regex_error(code), std::move(origin));
  }
};

struct FilesystemError {
  using E = std::filesystem::filesystem_error;

  static void encode(Writer& writer, const std::exception& error) {
    writer.put(as<E>(error).path1());
    writer.put(as<E>(error).path2());
    encode_code(writer, as<E>(error).code());
  }
  static void raise(Reader& reader, RemoteOrigin origin) {
    const auto path1 = reader.get<std::filesystem::path>();
    const auto path2 = reader.get<std::filesystem::path>();
    const auto code = reader.get<std::error_code>();
    raise_arrived(reader, E(origin.remote_what(), path1, path2, code), std::move(origin));
  }
};

// --- shoal's own with more to them -------------------------------------------------------------

struct Lost {
  static void encode(Writer& writer, const std::exception& error) {
    writer.put(as<WorkerLostError>(error).loss());
  }
  static void raise(Reader& reader, RemoteOrigin origin) {
    auto loss = reader.get<WorkerLoss>();
    raise_arrived(reader, WorkerLostError(origin.remote_what(), std::move(loss)),
                  std::move(origin));
  }
};

struct Remote {
  static void encode(Writer& writer, const std::exception& error) {
    writer.put(as<RemoteError>(error).type_name());
  }
  static void raise(Reader& reader, RemoteOrigin origin) {
    const auto type_name = reader.get<std::string>();
    reader.finish();
    throw RemoteError(type_name, origin.remote_what(), origin.trace());
  }
};

// --- the table ---------------------------------------------------------------------------------

bool is_exactly_std_exception(const std::exception& error) {
  return typeid(error) == typeid(std::exception) || is_a<Arrived<std::exception>>(error);
}

template <class E, class Contents = Plain<E>>
constexpr ExceptionKind kind(std::string_view name) {
  return {name, &is_a<E>, &Contents::encode, &Contents::raise};
}

template <class E>
constexpr ExceptionKind coded(std::string_view name) {
  return kind<E, WithCode<E>>(name);
}

// Derived types stand before their bases: the first match is the nearest.
constexpr ExceptionKind kKinds[] = {
    kind<RemoteError, Remote>("shoal::RemoteError"),
    kind<WorkerLostError, Lost>("shoal::WorkerLostError"),
    coded<StartError>("shoal::StartError"),
    coded<TaskTimeoutError>("shoal::TaskTimeoutError"),
    coded<TimeoutError>("shoal::TimeoutError"),
    coded<CancelledError>("shoal::CancelledError"),
    coded<BrokenPoolError>("shoal::BrokenPoolError"),
    coded<PoolClosedError>("shoal::PoolClosedError"),
    coded<EndOfStreamError>("shoal::EndOfStreamError"),
    coded<ClosedError>("shoal::ClosedError"),
    coded<AuthenticationError>("shoal::AuthenticationError"),
    coded<OwnerDiedError>("shoal::OwnerDiedError"),
    coded<BrokenBarrierError>("shoal::BrokenBarrierError"),
    coded<CodecError>("shoal::CodecError"),
    coded<ManagerDiedError>("shoal::ManagerDiedError"),
    coded<ResourceError>("shoal::ResourceError"),
    coded<Error>("shoal::Error"),
    kind<std::filesystem::filesystem_error, FilesystemError>("std::filesystem::filesystem_error"),
    coded<std::ios_base::failure>("std::ios_base::failure"),
    coded<std::system_error>("std::system_error"),
    kind<std::regex_error, RegexError>("std::regex_error"),
    kind<std::range_error>("std::range_error"),
    kind<std::overflow_error>("std::overflow_error"),
    kind<std::underflow_error>("std::underflow_error"),
    kind<std::runtime_error>("std::runtime_error"),
    kind<std::future_error, FutureError>("std::future_error"),
    kind<std::invalid_argument>("std::invalid_argument"),
    kind<std::domain_error>("std::domain_error"),
    kind<std::length_error>("std::length_error"),
    kind<std::out_of_range>("std::out_of_range"),
    kind<std::logic_error>("std::logic_error"),
    kind<std::bad_array_new_length>("std::bad_array_new_length"),
    kind<std::bad_alloc>("std::bad_alloc"),
    kind<std::bad_any_cast>("std::bad_any_cast"),
    kind<std::bad_cast>("std::bad_cast"),
    kind<std::bad_typeid>("std::bad_typeid"),
    kind<std::bad_exception>("std::bad_exception"),
    kind<std::bad_function_call>("std::bad_function_call"),
    kind<std::bad_optional_access>("std::bad_optional_access"),
    kind<std::bad_variant_access>("std::bad_variant_access"),
    kind<std::bad_weak_ptr>("std::bad_weak_ptr"),
    {"std::exception", &is_exactly_std_exception, &Plain<std::exception>::encode,
     &Plain<std::exception>::raise},
};

}  // namespace

const ExceptionKind* find_kind(const std::exception& error) {
  const auto* const at = std::find_if(std::begin(kKinds), std::end(kKinds),
                                      [&](const auto& kind) { return kind.matches(error); });
  return at != std::end(kKinds) ? at : nullptr;
}

const ExceptionKind* find_kind(std::string_view name) {
  const auto* const at = std::find_if(std::begin(kKinds), std::end(kKinds),
                                      [&](const auto& kind) { return kind.name == name; });
  return at != std::end(kKinds) ? at : nullptr;
}

}  // namespace shoal::serial
