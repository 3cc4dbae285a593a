// SPDX-License-Identifier: Apache-2.0
#include "channel/address.hpp"

#include <charconv>
#include <stdexcept>

#include "channel/handshake.hpp"
#include "os/network.hpp"

namespace shoal::channel {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kTcp = "tcp:";

// An address as a message shows it, on one line.
std::string shown(std::string_view text) {
  std::string out;
  for (const char c : text) out += c >= ' ' && c != '\x7f' ? c : '?';
  return out;
}

class Parser {
 public:
  Parser(std::string_view text, Side side, std::string_view call)
      : text_(text), side_(side), call_(call) {}

  Address parse() const {
    if (text_.starts_with(kUnix)) return parse_unix(text_.substr(kUnix.size()));
    if (text_.starts_with(kTcp)) return parse_tcp(text_.substr(kTcp.size()));
    refuse("write it as unix:/path or tcp:host:port");
  }

 private:
  Address parse_unix(std::string_view path) const {
    if (path.empty() && side_ == Side::server) return {.is_unix = true};
    if (path.find('\0') != std::string_view::npos || path.starts_with('@')) {
      refuse("an abstract name, which any user could connect to; give a path");
    }
    if (!path.starts_with('/')) refuse("its path does not begin with a slash");
    if (path.ends_with('/')) refuse("its path ends with a slash");
    if (path.size() > os::kLongestSocketPath) {
      refuse("its path is longer than the " + std::to_string(os::kLongestSocketPath) +
             " bytes that the system allows");
    }
    return {.is_unix = true, .path = std::string(path)};
  }

  Address parse_tcp(std::string_view rest) const {
    const std::size_t colon = rest.rfind(':');
    if (colon == std::string_view::npos) refuse("its port is missing");
    std::string_view host = rest.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
      host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string_view::npos) {
      refuse("write a host with colons in brackets, as tcp:[::1]:80");
    }
    if (host.empty()) refuse("its host is missing; 0.0.0.0 stands for all of this machine's");
    for (const char c : host) {
      if (c <= ' ' || c == '/' || c == '[' || c == ']' || c == '\x7f') refuse("its host is none");
    }
    return {.host = std::string(host), .port = parse_port(rest.substr(colon + 1))};
  }

  std::uint16_t parse_port(std::string_view digits) const {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), port);
    if (error != std::errc() || end != digits.end()) {
      refuse("its port is no number from 0 to 65535");
    }
    if (port == 0 && side_ == Side::client) refuse("nobody listens at port 0");
    return port;
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw std::invalid_argument(std::string(call_) + ": \"" + shown(text_) +
                                "\" is no address: " + why);
  }

  const std::string_view text_;
  const Side side_;
  const std::string_view call_;
};

}  // namespace

Address parse_address(std::string_view text, Side side, std::string_view call) {
  return Parser(text, side, call).parse();
}

}  // namespace shoal::channel
