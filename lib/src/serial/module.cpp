// SPDX-License-Identifier: Apache-2.0
#include "serial/module.hpp"

#include <elf.h>
#include <link.h>

#include <algorithm>
#include <atomic>
#include <boost/uuid/name_generator_sha1.hpp>
#include <boost/uuid/uuid.hpp>
#include <cstring>
#include <filesystem>
#include <memory>
#include <new>
#include <optional>
#include <span>

#include "os/library.hpp"
#include "serial/names.hpp"
#include "shoal/error.hpp"

namespace shoal::serial {
namespace {

// The loader's own counts of loads and unloads: the list is stale when they have moved.
struct LoaderCounts {
  unsigned long long adds = 0;
  unsigned long long subs = 0;

  bool operator==(const LoaderCounts&) const = default;
};

// One reading of the loader's list. Never changed once published, and never freed, because it is
// read without a lock and its modules are given out: what grows is one list for each load and
// unload.
struct ModuleList {
  struct Entry {
    Module::Range code;
    const Module* module;
  };

  LoaderCounts counts;
  std::vector<const Module*> loaded;
  std::vector<Entry> by_address;
  std::vector<std::shared_ptr<const Module>> known;  // loaded now or earlier
  const ModuleList* previous = nullptr;
};

std::span<const ElfW(Phdr)> headers_of(const dl_phdr_info& info) {
  return {info.dlpi_phdr, info.dlpi_phnum};
}

std::vector<Module::Range> code_of(const dl_phdr_info& info) {
  std::vector<Module::Range> code;
  for (const ElfW(Phdr) & header : headers_of(info)) {
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0) continue;
    const std::uintptr_t first = info.dlpi_addr + header.p_vaddr;
    code.push_back({first, first + header.p_memsz});
  }
  return code;
}

// The build-id among the notes in `notes`, whose parts are padded to `align`.
std::optional<ModuleId> find_build_id(std::span<const std::byte> notes, std::size_t align) {
  const auto padded = [align](std::size_t size) { return (size + align - 1) / align * align; };
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes.data(), sizeof note);
    const std::size_t at = sizeof note + padded(note.n_namesz);
    const std::size_t end = at + padded(note.n_descsz);
    if (end > notes.size()) break;
    const bool is_gnu = note.n_namesz == 4 && std::memcmp(&notes[sizeof note], "GNU", 4) == 0;
    if (is_gnu && note.n_type == NT_GNU_BUILD_ID && note.n_descsz <= sizeof(ModuleId::bytes)) {
      ModuleId id;
      std::memcpy(id.bytes.data(), &notes[at], note.n_descsz);
      id.size = static_cast<std::uint8_t>(note.n_descsz);
      return id;
    }
    notes = notes.subspan(end);
  }
  return std::nullopt;
}

std::optional<ModuleId> build_id_of(const dl_phdr_info& info) {
  for (const ElfW(Phdr) & header : headers_of(info)) {
    if (header.p_type != PT_NOTE) continue;
    const auto* const first = reinterpret_cast<const std::byte*>(info.dlpi_addr + header.p_vaddr);
    const std::size_t align = header.p_align == 8 ? 8 : 4;
    std::optional<ModuleId> id = find_build_id({first, header.p_memsz}, align);
    if (id) return id;
  }
  return std::nullopt;
}

ModuleId hash_of(const std::vector<Module::Range>& code) {
  boost::uuids::uuid hash = boost::uuids::ns::oid();
  for (const Module::Range& range : code) {
    const boost::uuids::name_generator_sha1 generate(hash);
    hash = generate(reinterpret_cast<const void*>(range.first), range.end - range.first);
  }
  ModuleId id;
  std::memcpy(id.bytes.data(), hash.data, sizeof hash.data);
  id.size = ModuleId::kIsHash | sizeof hash.data;
  return id;
}

// The loader calls the program itself "".
std::string path_of(const dl_phdr_info& info) {
  namespace fs = std::filesystem;
  const std::string_view name = info.dlpi_name;
  std::error_code ignored;
  if (name.empty()) return fs::read_symlink("/proc/self/exe", ignored).string();
  if (name.find('/') == std::string_view::npos) return std::string(name);
  return fs::absolute(name, ignored).string();
}

Module describe(const dl_phdr_info& info) {
  Module module;
  module.path = path_of(info);
  module.base = info.dlpi_addr;
  module.code = code_of(info);
  const std::optional<ModuleId> id = build_id_of(info);
  module.id = id ? *id : hash_of(module.code);
  return module;
}

LoaderCounts read_counts() {
  LoaderCounts counts;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* into) {
        *static_cast<LoaderCounts*>(into) = {info->dlpi_adds, info->dlpi_subs};
        return 1;
      },
      &counts);
  return counts;
}

struct Reading {
  LoaderCounts counts;
  std::vector<Module> modules;
};

// C code calls this: nothing may be thrown through it.
int add_module(dl_phdr_info* info, std::size_t, void* into) noexcept {
  auto& reading = *static_cast<Reading*>(into);
  try {
    reading.counts = {info->dlpi_adds, info->dlpi_subs};
    reading.modules.push_back(describe(*info));
    return 0;
  } catch (const std::exception&) {  // no memory
    return 1;
  }
}

Reading read_modules() {
  Reading reading;
  if (::dl_iterate_phdr(&add_module, &reading) != 0) throw std::bad_alloc();
  return reading;
}

const Module* intern(Module&& module, std::vector<std::shared_ptr<const Module>>& known) {
  const auto at =
      std::find_if(known.begin(), known.end(), [&](const auto& other) { return *other == module; });
  if (at != known.end()) return at->get();
  known.push_back(std::make_shared<const Module>(std::move(module)));
  return known.back().get();
}

std::unique_ptr<const ModuleList> make_list(const ModuleList* previous) {
  auto list = std::make_unique<ModuleList>();
  list->previous = previous;
  if (previous != nullptr) list->known = previous->known;
  Reading reading = read_modules();
  list->counts = reading.counts;
  for (Module& read : reading.modules) {
    const Module* const module = intern(std::move(read), list->known);
    list->loaded.push_back(module);
    for (const Module::Range& code : module->code) list->by_address.push_back({code, module});
  }
  std::sort(list->by_address.begin(), list->by_address.end(),
            [](const auto& a, const auto& b) { return a.code.first < b.code.first; });
  return list;
}

// What is loaded at this moment.
const ModuleList& current_list() {
  static std::atomic<const ModuleList*> newest = nullptr;
  const ModuleList* list = newest.load(std::memory_order_acquire);  // pairs with the exchange below
  for (;;) {
    if (list != nullptr && list->counts == read_counts()) return *list;
    std::unique_ptr<const ModuleList> fresh = make_list(list);
    // release: pairs with the acquire of whoever reads the list; on failure we are that one
    if (newest.compare_exchange_strong(list, fresh.get(), std::memory_order_acq_rel,
                                       std::memory_order_acquire)) {
      return *fresh.release();
    }
  }
}

const Module* find(const ModuleList& list, const ModuleId& id, std::string_view path) {
  const Module* found = nullptr;
  for (const Module* module : list.loaded) {
    if (module->id != id) continue;
    if (module->path == path) return module;
    if (found == nullptr) found = module;
  }
  return found;
}

bool is_loaded(const ModuleList& list, std::string_view path) {
  return std::any_of(list.loaded.begin(), list.loaded.end(),
                     [&](const Module* module) { return module->path == path; });
}

[[noreturn]] void fail_other_build(const std::string& path) {
  throw CodecError("parent and child run different builds of " + path +
                   ": restart the program after rebuilding it");
}

}  // namespace

bool Module::holds_code(std::uintptr_t address) const noexcept {
  return std::any_of(code.begin(), code.end(), [&](const Range& range) {
    return range.first <= address && address < range.end;
  });
}

const Module& module_of(std::uintptr_t address) {
  const ModuleList& list = current_list();
  const auto after = std::upper_bound(
      list.by_address.begin(), list.by_address.end(), address,
      [](std::uintptr_t wanted, const auto& entry) { return wanted < entry.code.first; });
  if (after != list.by_address.begin() && address < std::prev(after)->code.end) {
    return *std::prev(after)->module;
  }
  throw CodecError("no program or library holds code at " + to_hex(address) +
                   ": only functions of loaded files can be called in another process");
}

const Module& find_or_load(const ModuleId& id, std::string_view path) {
  const ModuleList& before = current_list();
  if (const Module* module = find(before, id, path)) return *module;
  const std::string file(path);
  if (is_loaded(before, path)) fail_other_build(file);
  // An empty path would be the program itself.
  const os::LoadedLibrary library =
      file.empty() ? os::LoadedLibrary{nullptr, "it has no path"} : os::load_library(file);
  if (library.handle == nullptr) {
    throw CodecError("a function's library cannot be loaded: " + library.reason);
  }
  if (const Module* module = find(current_list(), id, path)) return *module;
  fail_other_build(file);
}

std::uintptr_t load(const ModuleId& id, std::string_view path) {
  return find_or_load(id, path).base;
}

}  // namespace shoal::serial
