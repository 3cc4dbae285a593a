// SPDX-License-Identifier: Apache-2.0
#include "shoal/task_types.hpp"

#include <utility>

#include "shoal/error.hpp"

namespace shoal::internal {
namespace {

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

bool are_same(const TaskTypes& a, const TaskTypes& b) {
  const auto is_same = [](const NamedType& x, const NamedType& y) { return x.hash == y.hash; };
  return is_same(a.result, b.result) &&
         std::equal(a.parameters.begin(), a.parameters.end(), b.parameters.begin(),
                    b.parameters.end(), is_same);
}

// The classes that both know by one name, and in two ways.
std::string describe_differences(const TaskTypes& registered, const TaskTypes& called) {
  std::string text;
  for (const Definition& here : registered.definitions) {
    const auto there =
        std::find_if(called.definitions.begin(), called.definitions.end(),
                     [&](const Definition& other) { return other.name == here.name; });
    if (there == called.definitions.end() || there->members == here.members) continue;
    text += "; " + here.name + " is {" + here.members + "} where it is registered and {" +
            there->members + "} where it is called";
  }
  return text;
}

}  // namespace

std::string readable(std::string_view type_name) {
  std::string text(type_name);
  replace_all(text, "__cxx11::", "");
  replace_all(text, "std::basic_string<char>", "std::string");
  return text;
}

std::string TaskTypes::signature() const {
  std::string text = result.name + '(';
  for (const NamedType& parameter : parameters) {
    if (&parameter != &parameters.front()) text += ", ";
    text += parameter.name;
  }
  return text + ')';
}

void check_types(std::string_view task, const TaskTypes& registered, const TaskTypes& called) {
  if (are_same(registered, called)) return;
  std::string text = "the task \"" + std::string(task) + "\" is registered as " +
                     registered.signature() + " and called as " + called.signature();
  const std::string differences = describe_differences(registered, called);
  if (!differences.empty()) {
    text += differences + ": build both from one definition";
  } else if (registered.signature() == called.signature()) {
    text += ", of other builds of these types: build both from one definition";
  } else {
    text += ": give arguments of exactly these types, and name the result's";
  }
  throw CodecError(text);
}

}  // namespace shoal::internal
