// SPDX-License-Identifier: Apache-2.0
#include "serial/exception_codec.hpp"

#include <cxxabi.h>

#include <cstring>
#include <new>
#include <string_view>
#include <typeinfo>

#include "serial/exception_kinds.hpp"
#include "serial/names.hpp"
#include "shoal/codec.hpp"
#include "shoal/error.hpp"
#include "shoal/remote_trace.hpp"

namespace shoal::serial {
namespace {

constexpr std::size_t kMaxWhatBytes = 64 << 10;
constexpr std::size_t kMaxNested = 32;

struct Description {
  std::string type;
  std::string what;
  std::string trace;  // where it came from already
  std::exception_ptr nested = nullptr;
};

std::string cut(const char* text) {
  return text == nullptr ? std::string() : std::string(text, ::strnlen(text, kMaxWhatBytes));
}

// std::throw_with_nested derives a type of its own from the one that was thrown.
std::string name_of(const std::type_info& type) {
  constexpr std::string_view kNested = "std::_Nested_exception<";
  const std::string name = demangle(type.name());
  if (!name.starts_with(kNested)) return name;
  return name.substr(kNested.size(), name.size() - kNested.size() - 1);
}

std::string name_of(const std::exception& error) {
  const bool has_arrived = dynamic_cast<const RemoteOrigin*>(&error) != nullptr;
  const ExceptionKind* const kind = has_arrived ? find_kind(error) : nullptr;
  return kind != nullptr ? std::string(kind->name) : name_of(typeid(error));
}

// Of the exception that is being handled, which is no std::exception.
std::string name_of_current() {
  const std::type_info* const type = abi::__cxa_current_exception_type();
  return type != nullptr ? name_of(*type) : "an exception of another language";
}

template <class E>
std::exception_ptr nested_in(const E& error) {
  const auto* const holder = dynamic_cast<const std::nested_exception*>(&error);
  return holder != nullptr ? holder->nested_ptr() : nullptr;
}

Description describe(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    return {name_of(thrown), cut(thrown.what()), remote_trace(thrown), nested_in(thrown)};
  } catch (const std::string& text) {
    return {"std::string", cut(text.c_str()), {}};
  } catch (const char* text) {
    return {"const char*", cut(text), {}};
  } catch (const std::nested_exception& holder) {
    return {name_of_current(), {}, {}, holder.nested_ptr()};
  } catch (...) {
    return {name_of_current(), {}, {}};
  }
}

std::string summary(const Description& description) {
  return description.what.empty() ? description.type : description.type + ": " + description.what;
}

std::string make_trace(const Description& first, const RemoteContext& context) {
  std::string trace = "on worker " + std::to_string(context.worker) + " (pid " +
                      std::to_string(context.pid) + "): " + summary(first) + "\n" + first.trace;
  std::exception_ptr next = first.nested;
  for (std::size_t depth = 0; next != nullptr && depth < kMaxNested; ++depth) {
    const Description cause = describe(next);
    trace += "caused by " + summary(cause) + "\n" + cause.trace;
    next = cause.nested;
  }
  return trace;
}

void put_head(Writer& writer, std::string_view kind, const std::string& what,
              const std::string& trace) {
  writer.put(std::string(kind));
  writer.put(what);
  writer.put(trace);
}

void put_exception(Writer& writer, const std::exception_ptr& error, const RemoteContext& context) {
  const Description description = describe(error);
  const std::string trace = make_trace(description, context);
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& thrown) {
    if (const ExceptionKind* const kind = find_kind(thrown)) {
      put_head(writer, kind->name, description.what, trace);
      kind->encode(writer, thrown);
      return;
    }
  } catch (...) {  // a RemoteError, as any type that is not known
  }
  put_head(writer, "shoal::RemoteError",
           description.what.empty() ? "an exception of type " + description.type : description.what,
           trace);
  writer.put(description.type);
}

}  // namespace

void encode_exception(Writer& writer, const std::exception_ptr& error,
                      const RemoteContext& context) {
  Writer record;
  try {
    put_exception(record, error ? error : std::make_exception_ptr(std::bad_exception()), context);
  } catch (const std::bad_alloc&) {  // fits into the writer's own memory, as does each string
    record = Writer();
    put_head(record, "std::bad_alloc", "std::bad_alloc", {});
  }
  writer.write(record.bytes().data(), record.bytes().size());
}

void throw_exception(Reader& reader, const std::string& task) {
  const auto name = reader.get<std::string>();
  auto what = reader.get<std::string>();
  const auto trace = reader.get<std::string>();
  const ExceptionKind* const kind = find_kind(name);
  if (kind == nullptr) throw CodecError("a message holds an exception of an unknown kind");
  kind->raise(reader, RemoteOrigin(std::move(what), "task " + task + ' ' + trace));
  throw std::bad_exception();  // not reached
}

}  // namespace shoal::serial
