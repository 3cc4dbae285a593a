// SPDX-License-Identifier: Apache-2.0
#include "pool/progress_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>

namespace shoal::pool {
namespace {

using namespace std::chrono_literals;

double seconds_of(Duration duration) noexcept {
  return std::chrono::duration<double>(duration).count();
}

double part_of(const ProgressLook& look) noexcept {
  if (look.total == 0) return 0;
  return std::min(1.0, static_cast<double>(look.done) / static_cast<double>(look.total));
}

std::string percent(const ProgressLook& look) {
  return std::to_string(static_cast<int>(100 * part_of(look))) + '%';
}

std::string two_digits(std::int64_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

// 0:07, 12:34, 3:04:05
std::string clock_time(double seconds) {
  constexpr double kMost = 3600.0 * 9999;
  const auto whole = static_cast<std::int64_t>(std::clamp(seconds, 0.0, kMost));
  const std::string end = ':' + two_digits(whole % 60);
  if (whole < 3600) return std::to_string(whole / 60) + end;
  return std::to_string(whole / 3600) + ':' + two_digits(whole / 60 % 60) + end;
}

std::string rate(double per_second) {
  const int decimals = per_second >= 100 ? 0 : per_second >= 1 ? 1 : 3;
  std::array<char, 400> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), per_second,
                                 std::chars_format::fixed, decimals)
                       .ptr;
  return std::string(text.data(), end) + "/s";
}

// "420/1000, 1234/s, 0:01, 0:02 left"
std::string figures(const ProgressLook& look, const std::string& behind_count) {
  const double elapsed = seconds_of(look.elapsed);
  const bool is_bounded = look.total != ProgressLook::kUnknown;
  std::string text = std::to_string(look.done);
  if (is_bounded) text += '/' + std::to_string(look.total) + behind_count;
  const bool has_rate = look.done > 0 && elapsed > 0;
  if (has_rate) text += ", " + rate(static_cast<double>(look.done) / elapsed);
  text += ", " + clock_time(elapsed);
  if (!has_rate || !is_bounded || look.has_ended || look.done >= look.total) return text;
  const double part = part_of(look);
  return text + ", " + clock_time(elapsed * (1 - part) / part) + " left";
}

bool begins_character(char c) noexcept { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

std::size_t columns(const std::string& text) noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

// The first `most` characters.
std::string cut(std::string text, std::size_t most) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (begins_character(text[i]) && count++ == most) return text.substr(0, i);
  }
  return text;
}

}  // namespace

std::string progress_line(const ProgressLook& look) {
  const std::string front = look.label.empty() ? "" : look.label + ": ";
  return front + figures(look, " (" + percent(look) + ')');
}

std::string progress_bar(const ProgressLook& look, unsigned width) {
  constexpr std::size_t kLeastBar = 5;
  const std::size_t room = width > 1 ? width - 1 : 0;
  if (look.total == ProgressLook::kUnknown) return cut(progress_line(look), room);
  std::string front = look.label.empty() ? "" : look.label + ": ";
  const std::string part = percent(look);
  front += std::string(4 - std::min<std::size_t>(4, part.size()), ' ') + part + ' ';
  const std::string back = figures(look, "");
  const std::size_t used = columns(front) + back.size() + 3;  // with the brackets and a blank
  if (used + kLeastBar > room) return cut(front + back, room);
  const std::size_t bar = room - used;
  const auto filled = static_cast<std::size_t>(static_cast<double>(bar) * part_of(look));
  return front + '[' + std::string(filled, '#') + std::string(bar - filled, '-') + "] " + back;
}

std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

bool LinePolicy::is_due(const ProgressLook& look) noexcept {
  const Duration since = look.elapsed - said_at_;
  const auto tenth = [&](std::size_t done) {
    return static_cast<int>(10 * static_cast<double>(done) / static_cast<double>(look.total));
  };
  if (look.total == 0 || look.done == said_) return false;
  if (since < 1s || (since < 10s && tenth(look.done) == tenth(said_))) return false;
  said_ = look.done;
  said_at_ = look.elapsed;
  has_said_ = true;
  return true;
}

}  // namespace shoal::pool
