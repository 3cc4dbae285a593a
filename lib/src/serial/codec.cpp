// SPDX-License-Identifier: Apache-2.0
#include "shoal/codec.hpp"

#include <filesystem>
#include <future>
#include <ios>
#include <string>
#include <system_error>

#include "serial/error_category.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

class ForeignCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "foreign"; }
  std::string message(int value) const override {
    return "error " + std::to_string(value) + " of a category that only another process knows";
  }
};

}  // namespace

const std::error_category& serial::foreign_category() noexcept {
  static const ForeignCategory category;
  return category;
}

const std::error_category* serial::find_category(std::string_view name) noexcept {
  const std::error_category* const known[] = {&std::generic_category(),  &std::system_category(),
                                              &std::iostream_category(), &std::future_category(),
                                              &error_category(),         &foreign_category()};
  for (const std::error_category* category : known) {
    if (name == category->name()) return category;
  }
  return nullptr;
}

namespace internal {

void StandardCodec<std::filesystem::path>::encode(Writer& writer,
                                                  const std::filesystem::path& value) {
  writer.put(value.native());
}

std::filesystem::path StandardCodec<std::filesystem::path>::decode(Reader& reader) {
  return std::filesystem::path(reader.get<std::string>());
}

void StandardCodec<std::error_code>::encode(Writer& writer, const std::error_code& value) {
  const std::string name = value.category().name();
  if (serial::find_category(name) != &value.category()) {
    throw CodecError("a std::error_code of the category \"" + name +
                     "\" cannot be sent: only the standard categories and shoal's mean the same "
                     "in every process");
  }
  writer.put(name);
  writer.put(value.value());
}

std::error_code StandardCodec<std::error_code>::decode(Reader& reader) {
  const auto name = reader.get<std::string>();
  const std::error_category* const category = serial::find_category(name);
  if (category == nullptr) {
    throw CodecError("a message holds a std::error_code of an unknown category");
  }
  return {reader.get<int>(), *category};
}

void fail_bool(unsigned value) {
  throw CodecError("a message holds " + std::to_string(value) + " where a bool should stand");
}

void fail_enum(const char* type, const std::string& value) {
  throw CodecError("a message holds " + value + ", which is no enumerator of " + type);
}

void fail_calendar(const char* type) {
  throw CodecError("a " + std::string(type) +
                   " that is not ok() cannot be sent or received: use std::optional for one that "
                   "may be missing");
}

void fail_variant(std::size_t index, std::size_t alternatives) {
  throw CodecError("a message holds alternative " + std::to_string(index) +
                   " of a variant that has " + std::to_string(alternatives));
}

void fail_bitset(std::size_t bits) {
  throw CodecError("a message holds ones beyond a bitset of " + std::to_string(bits) + " bits");
}

void fail_valueless() {
  throw CodecError("a std::variant that lost its value to an exception cannot be sent");
}

void fail_empty_elements(std::size_t count) {
  throw CodecError("a container of " + std::to_string(count) +
                   " elements that are written as nothing cannot be sent: at most " +
                   std::to_string(kMaxEmptyElements));
}

void fail_duplicate_key() { throw CodecError("a message holds a set or map with a key twice"); }

}  // namespace internal
}  // namespace shoal
