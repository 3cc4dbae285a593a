// SPDX-License-Identifier: Apache-2.0
#include "pool/certificate.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>

#include "serial/names.hpp"
#include "serial/symbol_table.hpp"

namespace shoal::pool {
namespace {

constexpr std::size_t kFramesInMessages = 6;

// The path of the file to read; a worker runs this very program. What else it says is read only
// where it names a plain file, which a read cannot block on.
std::string file_of(const std::string& module) {
  if (module.empty()) return "/proc/self/exe";
  std::error_code ignored;
  const bool is_file = module.starts_with('/') && std::filesystem::is_regular_file(module, ignored);
  return is_file ? module : std::string();
}

std::string label_of(const std::string& module) {
  std::error_code ignored;
  const std::filesystem::path path = module.empty()
                                         ? std::filesystem::read_symlink("/proc/self/exe", ignored)
                                         : std::filesystem::path(module);
  return path.filename().string();
}

// From this frame on it is not about the task any more.
bool is_ours(const std::string& frame) {
  return frame.find(" shoal::pool::worker_main(") != std::string::npos;
}

// Names frames as "#1 f(int) (libf.so+0x1234)".
class Namer {
 public:
  explicit Namer(const Crash& crash) : crash_(crash) {}

  std::string name(std::size_t index) {
    const Crash::Frame& frame = crash_.frames[index];
    const std::string place = "#" + std::to_string(index) + " ";
    if (!frame.module) return place + "?? (" + serial::to_hex(frame.offset) + ")";
    const std::string& module = crash_.modules[*frame.module];
    // Behind the innermost stand return addresses: the call is what lies before.
    const std::uint64_t wanted = index == 0 ? frame.offset : frame.offset - 1;
    const std::string function = table_of(module).find(wanted).value_or("??");
    return place + function + " (" + label_of(module) + "+" + serial::to_hex(frame.offset) + ")";
  }

 private:
  const serial::SymbolTable& table_of(const std::string& module) {
    return tables_.try_emplace(module, file_of(module)).first->second;
  }

  const Crash& crash_;
  std::map<std::string, serial::SymbolTable> tables_;
};

}  // namespace

Certificate::Certificate(BlackBox& box, std::optional<os::ExitStatus> status, bool is_killed_by_us)
    : crash_(box.crash()),
      last_words_(box.last_words()),
      last_lines_(box.last_lines()),
      usage_(status ? status->usage : std::nullopt) {
  const int signal = status ? status->signal : 0;
  out_of_memory_ = signal == SIGKILL && !is_killed_by_us && box.has_memory_killer_struck();
}

const std::vector<std::string>& Certificate::frames() const {
  std::call_once(is_named_, [&] {
    if (!crash_) return;
    Namer namer(*crash_);
    std::vector<std::string> named;
    for (std::size_t i = 0; i < crash_->frames.size(); ++i) named.push_back(namer.name(i));
    frames_ = std::move(named);
  });
  return frames_;
}

void Certificate::complete(WorkerLoss& loss) const {
  loss.out_of_memory = out_of_memory_;
  loss.message = last_words_;
  loss.last_log_lines = last_lines_;
  for (const std::string& frame : frames()) loss.backtrace += frame + '\n';
  if (!usage_) return;
  loss.usage = ResourceUsage{Duration(usage_->user_nanoseconds),
                             Duration(usage_->system_nanoseconds), usage_->max_rss_bytes};
}

std::string Certificate::summary() const {
  std::string text;
  if (out_of_memory_) text += ", probably by the kernel for want of memory: see Limits::memory";
  if (!last_words_.empty()) text += ": " + last_words_;
  const std::size_t count = std::min(frames().size(), kFramesInMessages);
  for (std::size_t i = 0; i < count && !is_ours(frames()[i]); ++i) text += "\n  " + frames()[i];
  return text;
}

}  // namespace shoal::pool
