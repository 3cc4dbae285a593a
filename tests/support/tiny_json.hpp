// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::test {

/// What a strict parser of JSON makes of a text; for tests that look into files we write.
struct Json {
  std::map<std::string, Json> members;  ///< of an object
  std::vector<Json> elements;           ///< of an array
  std::string text;                     ///< of a string, with \u00xx as that one byte; of a number
  char kind = 0;                        ///< one of { [ " 0

  bool has(const std::string& name) const { return members.contains(name); }
  const Json& operator[](const std::string& name) const {
    const auto at = members.find(name);
    if (at == members.end()) throw std::runtime_error("there is no \"" + name + '"');
    return at->second;
  }
  double number() const { return std::stod(text); }
};

class JsonParser {
 public:
  /// @throws std::runtime_error  `text` is no JSON
  static Json parse(std::string_view text) {
    JsonParser parser(text);
    Json json = parser.value();
    parser.skip_space();
    if (!parser.rest_.empty()) parser.fail("something behind the end");
    return json;
  }

 private:
  explicit JsonParser(std::string_view text) : rest_(text) {}

  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(what + " at \"" + std::string(rest_.substr(0, 40)) + '"');
  }
  void skip_space() {
    while (!rest_.empty() && std::string_view(" \n\r\t").find(rest_[0]) != rest_.npos) take();
  }
  char take() {
    if (rest_.empty()) fail("the text ends");
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  bool takes(char wanted) {
    skip_space();
    if (rest_.empty() || rest_.front() != wanted) return false;
    take();
    return true;
  }
  void need(char wanted) {
    if (!takes(wanted)) fail(std::string("no ") + wanted);
  }

  Json value() {
    skip_space();
    if (rest_.empty()) fail("no value");
    if (rest_.front() == '{') return object();
    if (rest_.front() == '[') return array();
    Json json;
    json.kind = rest_.front() == '"' ? '"' : '0';
    json.text = json.kind == '"' ? string() : number();
    return json;
  }
  Json object() {
    Json json;
    json.kind = take();
    if (takes('}')) return json;
    do {
      skip_space();
      const std::string name = string();
      need(':');
      if (!json.members.emplace(name, value()).second) fail(name + " twice");
    } while (takes(','));
    need('}');
    return json;
  }
  Json array() {
    Json json;
    json.kind = take();
    if (takes(']')) return json;
    do json.elements.push_back(value());
    while (takes(','));
    need(']');
    return json;
  }
  std::string number() {
    const std::size_t length = rest_.find_first_not_of("0123456789.-+eE");
    const std::string text(rest_.substr(0, length));
    if (text.empty()) fail("no number");
    rest_.remove_prefix(text.size());
    return text;
  }
  std::string string() {
    if (take() != '"') fail("no string");
    std::string text;
    for (char c = take(); c != '"'; c = take()) {
      if (static_cast<unsigned char>(c) < 0x20) fail("a bare control character");
      text += c == '\\' ? escaped() : c;
    }
    return text;
  }
  char escaped() {
    const char c = take();
    if (c == '"' || c == '\\') return c;
    if (c != 'u') fail("an escape we do not write");
    std::string digits;
    for (int i = 0; i < 4; ++i) digits += take();
    return static_cast<char>(std::stoi(digits, nullptr, 16));
  }

  std::string_view rest_;
};

}  // namespace shoal::test
