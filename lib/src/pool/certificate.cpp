// SPDX-License-Identifier: Apache-2.0
#include "pool/certificate.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <new>

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

void Certificate::gather() const noexcept {
  try {
    static_cast<void>(findings());
  } catch (const std::bad_alloc&) {
  }
}

const Certificate::Findings& Certificate::findings() const {
  const std::lock_guard guard(mutex_);
  if (box_ != nullptr) findings_ = read_box();
  box_ = nullptr;
  return findings_;
}

Certificate::Findings Certificate::read_box() const {
  box_->finish(status_);
  const bool is_riddle = status_ && status_->signal == SIGKILL && !is_killed_by_us_;
  return {box_->crash(), box_->last_words(), box_->last_lines(),
          is_riddle && box_->has_memory_killer_struck()};
}

const std::vector<std::string>& Certificate::frames() const {
  std::call_once(is_named_, [&] {
    const std::optional<Crash>& crash = findings().crash;
    if (!crash) return;
    Namer namer(*crash);
    std::vector<std::string> named;
    for (std::size_t i = 0; i < crash->frames.size(); ++i) named.push_back(namer.name(i));
    frames_ = std::move(named);
  });
  return frames_;
}

void Certificate::complete(WorkerLoss& loss) const {
  loss.out_of_memory = findings().out_of_memory;
  loss.message = findings().last_words;
  loss.last_log_lines = findings().last_lines;
  for (const std::string& frame : frames()) loss.backtrace += frame + '\n';
  if (!status_ || !status_->usage) return;
  const os::Usage& used = *status_->usage;
  loss.usage = ResourceUsage{Duration(used.user_nanoseconds), Duration(used.system_nanoseconds),
                             used.max_rss_bytes};
}

std::string Certificate::summary() const {
  std::string text;
  if (findings().out_of_memory) {
    text += ", probably by the kernel for want of memory: see Limits::memory";
  }
  if (!findings().last_words.empty()) text += ": " + findings().last_words;
  const std::size_t count = std::min(frames().size(), kFramesInMessages);
  for (std::size_t i = 0; i < count && !is_ours(frames()[i]); ++i) text += "\n  " + frames()[i];
  return text;
}

}  // namespace shoal::pool
