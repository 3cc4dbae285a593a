// SPDX-License-Identifier: Apache-2.0
#include "pool/trace.hpp"

#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "base/log.hpp"
#include "os/child.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

// How long the well-formed UTF-8 sequence at the begin of `text` is; 0 if there is none.
std::size_t utf8_length(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what lies beyond Unicode.
  const unsigned second = at(1);
  const bool is_bad = (lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) ||
                      (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);
  return is_bad ? 0 : length;
}

void append_code(std::string& out, unsigned char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out += "\\u00";
  out += kDigits[byte >> 4];
  out += kDigits[byte & 15];
}

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

// Nanoseconds as microseconds with three decimals.
void append_microseconds(std::string& out, std::int64_t nanoseconds) {
  const auto whole = static_cast<std::uint64_t>(nanoseconds < 0 ? 0 : nanoseconds);
  append_number(out, whole / 1000);
  const std::uint64_t rest = whole % 1000;
  out += '.';
  for (const std::uint64_t digit : {rest / 100, rest / 10 % 10, rest % 10}) {
    out += static_cast<char>('0' + digit);
  }
}

void append_pid(std::string& out, int pid) {
  out += ",\"pid\":";
  append_number(out, static_cast<std::uint64_t>(pid));
  out += ",\"tid\":";
  append_number(out, static_cast<std::uint64_t>(pid));
}

}  // namespace

std::string json_escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text.front();
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (length == 0 || static_cast<unsigned char>(c) < 0x20) {
      append_code(out, static_cast<unsigned char>(c));
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string trace_line(const TraceEvent& event) {
  std::string line = "{\"ph\":\"X\",\"cat\":\"task\",\"name\":\"" + json_escaped(event.name) + '"';
  append_pid(line, event.pid);
  line += ",\"ts\":";
  append_microseconds(line, event.started);
  line += ",\"dur\":";
  append_microseconds(line, event.ended - event.started);
  line += ",\"args\":{\"ticket\":";
  append_number(line, event.ticket);
  line += ",\"attempt\":";
  append_number(line, event.attempt);
  line += ",\"outcome\":\"";
  line += event.outcome;
  line += '"';
  if (event.items > 0) {
    line += ",\"items\":";
    append_number(line, event.items);
  }
  if (event.submitted > 0) {
    line += ",\"waited_us\":";
    append_microseconds(line, event.started - event.submitted);
  }
  return line + "}}";
}

std::string trace_name_line(int pid, std::string_view name) {
  std::string line = "{\"ph\":\"M\",\"name\":\"process_name\"";
  append_pid(line, pid);
  return line + ",\"args\":{\"name\":\"" + json_escaped(name) + "\"}}";
}

std::shared_ptr<Trace> Trace::open(const std::string& path) {
  os::Result<os::Fd> file = os::create_file(path.c_str());
  if (!file) {
    throw Error(std::error_code(file.error().error, std::generic_category()),
                "trace: " + file.error().to_string() + ": give a file that can be written");
  }
  auto trace = std::make_shared<Trace>(std::move(*file), path);
  // Every line behind the first begins with a comma, so that each whole line may be the last.
  trace->append("[" + trace_name_line(os::process_id(), "caller"));
  return trace;
}

bool Trace::add(TraceEvent event) {
  const std::lock_guard guard(list_mutex_);
  if (is_finished_) return false;
  if (events_.size() >= kMostPending) {
    ++left_out_;
    return false;
  }
  events_.push_back(std::move(event));
  return wants_write();
}

bool Trace::add_line(std::string line) {
  const std::lock_guard guard(list_mutex_);
  if (is_finished_) return false;
  lines_ += ",\n" + line;
  return wants_write();
}

bool Trace::wants_write() noexcept { return !std::exchange(is_call_due_, true); }

void Trace::write() {
  const std::lock_guard file_guard(file_mutex_);
  std::vector<TraceEvent> events;
  std::string text;
  {
    const std::lock_guard guard(list_mutex_);
    is_call_due_ = false;
    events.swap(events_);
    text.swap(lines_);
  }
  constexpr std::size_t kPiece = 64 << 10;
  for (const TraceEvent& event : events) {
    text += ",\n";
    text += trace_line(event);
    if (text.size() < kPiece) continue;
    append(text);
    text.clear();
  }
  append(text);
}

void Trace::append(std::string_view text) {
  if (!file_ || text.empty()) return;
  const os::Result<void> written = os::write_all(file_.get(), std::as_bytes(std::span(text)));
  if (written) return;
  file_.reset();
  base::log(LogLevel::error, "the trace " + path_ + " ends here: " + written.error().to_string());
}

void Trace::finish() {
  std::uint64_t left_out = 0;
  {
    const std::lock_guard guard(list_mutex_);
    is_finished_ = true;
    left_out = std::exchange(left_out_, 0);
  }
  write();
  const std::lock_guard file_guard(file_mutex_);
  if (left_out > 0) {
    std::string line = ",\n{\"ph\":\"M\",\"name\":\"left_out\"";
    append_pid(line, os::process_id());
    line += ",\"args\":{\"events\":";
    append_number(line, left_out);
    append(line + "}}");
  }
  append("\n]\n");
  file_.reset();
}

}  // namespace shoal::pool
