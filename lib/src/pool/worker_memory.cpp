// SPDX-License-Identifier: Apache-2.0
#include "pool/worker_memory.hpp"

#include <new>

#include "os/memfd.hpp"

namespace shoal::pool {
namespace {

struct SharedFile {
  os::Fd fd;
  memory::Mapping mapping;
};

// Creates, maps, then seals: a writable map must exist before those_who_mapped closes the door.
os::Result<SharedFile> create_file(const char* name, std::size_t bytes, memory::Access access,
                                   os::Writers writers) {
  os::Result<os::Fd> file = os::create_shared_file(name, bytes);
  if (!file) return file.error();
  os::Result<memory::Mapping> mapping = memory::Mapping::map(file->get(), bytes, access);
  if (!mapping) return mapping.error();
  const os::Result<void> sealed = os::seal(file->get(), writers);
  if (!sealed) return sealed.error();
  return SharedFile{std::move(*file), std::move(*mapping)};
}

template <class T>
T& view(const memory::Mapping& mapping) noexcept {
  return *std::launder(reinterpret_cast<T*>(mapping.data()));
}

}  // namespace

os::Result<WorkerMemory> WorkerMemory::create(unsigned index, WorkerFiles& files) {
  os::Result<SharedFile> submissions =
      create_file("shoal-submissions", kSubmissionsBytes, memory::Access::read_write,
                  os::Writers::those_who_mapped);
  if (!submissions) return submissions.error();
  os::Result<SharedFile> completions =
      create_file("shoal-completions", kCompletionsBytes, memory::Access::read_only,
                  os::Writers::those_who_map_it);
  if (!completions) return completions.error();
  os::Result<SharedFile> gate = create_file("shoal-gate", kGateBytes, memory::Access::read_write,
                                            os::Writers::those_who_map_it);
  if (!gate) return gate.error();

  // Fresh files are zero bytes, which is the initial value of every word but these.
  SharedSubmissions& header = view<SharedSubmissions>(submissions->mapping);
  header.magic = kMailboxMagic;
  header.version = kMailboxVersion;
  header.worker = index;

  WorkerMemory memory;
  memory.submissions_ = std::move(submissions->mapping);
  memory.completions_ = std::move(completions->mapping);
  memory.gate_ = std::move(gate->mapping);
  files = {std::move(submissions->fd), std::move(completions->fd), std::move(gate->fd)};
  return memory;
}

SharedSubmissions& WorkerMemory::submissions() const noexcept {
  return view<SharedSubmissions>(submissions_);
}
const SharedCompletions& WorkerMemory::completions() const noexcept {
  return view<const SharedCompletions>(completions_);
}
SharedGate& WorkerMemory::gate() const noexcept { return view<SharedGate>(gate_); }

os::Result<AttachedMemory> AttachedMemory::attach(int submissions, int completions, int gate,
                                                  int board) {
  struct Part {
    int fd;
    std::size_t bytes;
    memory::Access access;
    memory::Mapping AttachedMemory::*place;
  };
  AttachedMemory memory;
  for (const Part& part :
       {Part{submissions, kSubmissionsBytes, memory::Access::read_only,
             &AttachedMemory::submissions_},
        Part{completions, kCompletionsBytes, memory::Access::read_write,
             &AttachedMemory::completions_},
        Part{gate, kGateBytes, memory::Access::read_write, &AttachedMemory::gate_},
        Part{board, kBoardBytes, memory::Access::read_only, &AttachedMemory::board_}}) {
    os::Result<memory::Mapping> mapping = memory::Mapping::map(part.fd, part.bytes, part.access);
    if (!mapping) return mapping.error();
    memory.*part.place = std::move(*mapping);
  }
  const SharedSubmissions& header = memory.submissions();
  if (header.magic != kMailboxMagic || header.version != kMailboxVersion) {
    return os::failure(EPROTO, "attach", "mailbox of version %u, not %u", header.version,
                       kMailboxVersion);
  }
  return memory;
}

const SharedSubmissions& AttachedMemory::submissions() const noexcept {
  return view<const SharedSubmissions>(submissions_);
}
SharedCompletions& AttachedMemory::completions() const noexcept {
  return view<SharedCompletions>(completions_);
}
SharedGate& AttachedMemory::gate() const noexcept { return view<SharedGate>(gate_); }
const SharedBoard& AttachedMemory::board() const noexcept {
  return view<const SharedBoard>(board_);
}

}  // namespace shoal::pool
