// SPDX-License-Identifier: Apache-2.0
#include "pool/incarnation.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "base/scope_exit.hpp"
#include "os/memfd.hpp"
#include "pool/parcel.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

// Results in files of up to this size are copied out; larger ones stay mapped with their future.
constexpr std::size_t kLargestCopiedFile = 256 << 10;

// Parcels of results that were not taken, before the one that is looked for. A socket has room for
// some 280: a worker that sent more is sending them at this moment, and might go on for ever.
constexpr int kMostStaleParcels = 512;

}  // namespace

Incarnation::Hello Incarnation::read_hello(std::string& complaint) {
  if (std::exchange(has_said_hello_, true)) return Hello::none;
  const os::Result<Parcel> parcel = receive_parcel(control_.get(), os::Wait::no);
  if (!parcel) return Hello::none;
  if (parcel->label.ticket == kHelloTicket) return Hello::ready;
  if (parcel->label.ticket != kBrokenTicket) return Hello::none;
  complaint.resize(std::min<std::uint64_t>(parcel->label.bytes, kLongestComplaint));
  sync::Hardware::read(complaint.data(), memory_.completions().replies.data(), complaint.size());
  return Hello::broken;
}

std::optional<DispatchPort::TimePoint> Incarnation::begun(const Task& task) const noexcept {
  if (mailbox_.taken() != task.ticket) return std::nullopt;
  const DispatchPort::TimePoint said{Duration(mailbox_.started())};
  return std::min(said, base::Deadline::Clock::now());
}

// --- handing out tasks --------------------------------------------------------------------------

Delivery Incarnation::deliver(Task& task, const FunctionTable& functions) try {
  if (!mailbox_.has_room() || !has_room_for(*task.function)) return Delivery::full;
  uses_arguments_.push_back(false);
  base::ScopeExit forget([&] { forget_youngest(); });
  const Delivery delivery = hand_over(task, functions);
  if (delivery == Delivery::done) forget.release();
  return delivery;
} catch (const std::bad_alloc&) {
  task.fail_by([] { throw std::bad_alloc(); });
  return Delivery::impossible;
}

Delivery Incarnation::hand_over(Task& task, const FunctionTable& functions) {
  introduce(*task.function, functions);
  Entry entry{};
  entry.ticket = task.ticket;
  entry.id = task.id;
  entry.name_bytes = task.name_bytes;
  entry.function = task.function->slot.id;
  entry.attempt = static_cast<std::uint16_t>(task.attempt + 1);
  entry.descriptors = static_cast<std::uint16_t>(task.arguments().descriptors.size());
  entry.items = task.part == nullptr ? 0 : static_cast<std::uint32_t>(task.part->count);
  os::Fd file;
  const Delivery placed = place_arguments(task, entry, file);
  uses_arguments_.back() = placed == Delivery::done && entry.place == Place::in_mailbox;
  if (placed != Delivery::done) return placed;
  if (file || entry.descriptors > 0) {
    const Delivery lent = lend(task, entry);
    if (lent != Delivery::done) return lent;
    const Delivery posted = post_parcel(task, entry, file);
    if (posted != Delivery::done) return posted;
  }
  mailbox_.write(entry);
  return Delivery::done;
}

// The youngest task is not in the mailbox, or not any more.
void Incarnation::forget_youngest() noexcept {
  if (uses_arguments_.back()) arguments_.free_back();
  uses_arguments_.pop_back();
}

bool Incarnation::publish() {
  if (mailbox_.publish() == Honesty::honest) return true;
  violation_ = "an impossible gate";
  return false;
}

// A slot may be overwritten only while its function is in no task in flight.
bool Incarnation::has_room_for(const Function& function) const {
  const std::uint32_t id = function.slot.id;
  const FunctionSlot& slot = memory_.submissions().functions[id % kFunctionSlots];
  return slot.id == id || slot.id == 0 || !has_tasks();
}

void Incarnation::introduce(const Function& function, const FunctionTable& functions) {
  SharedSubmissions& submissions = memory_.submissions();
  const std::uint32_t modules = functions.module_count();
  for (; known_modules_ < modules; ++known_modules_) {
    submissions.modules[known_modules_] = functions.module(known_modules_);
  }
  FunctionSlot& slot = submissions.functions[function.slot.id % kFunctionSlots];
  if (slot.id != function.slot.id) slot = function.slot;
}

Delivery Incarnation::place_arguments(Task& task, Entry& entry, os::Fd& file) {
  const auto [bytes, descriptors, block] = task.arguments();
  entry.size = bytes.size();
  if (bytes.size() <= kEntryInlineBytes) {
    entry.place = Place::in_entry;
    std::copy(bytes.begin(), bytes.end(), entry.bytes.begin());
    return Delivery::done;
  }
  if (block != nullptr) return place_in_segment(task, entry);
  if (bytes.size() <= kLargestCopiedArguments) {
    if (const auto offset = arguments_.allocate(bytes.size())) {
      entry.place = Place::in_mailbox;
      entry.offset = *offset;
      sync::Hardware::write(memory_.submissions().arguments.data() + *offset, bytes.data(),
                            bytes.size());
      return Delivery::done;
    }
  }
  if (has_tasks()) return Delivery::full;  // the ring's room comes back with theirs
  entry.place = Place::in_file;
  os::Result<os::Fd> made = os::make_sealed_file("shoal-payload", bytes);
  if (!made) return explain(task, "the arguments", made.error());
  file = std::move(*made);
  return Delivery::done;
}

// The arguments lie where the worker can read them. It gets the file with the first of them.
Delivery Incarnation::place_in_segment(Task& task, Entry& entry) {
  const auto [bytes, descriptors, argument_block] = task.arguments();
  const memory::Block& block = argument_block->block();
  entry.place = Place::in_segment;
  entry.segment = static_cast<std::uint16_t>(block.slot());
  entry.offset = block.offset() + static_cast<std::size_t>(bytes.data() - block.bytes().data());
  auto& known = memory_.submissions().segments[block.slot()];
  if (known.load(std::memory_order_relaxed) == block.segment_id()) return Delivery::done;
  const ParcelLabel label{kSegmentTicket, 1, entry.segment, block.segment_id(),
                          block.segment_bytes()};
  const os::Result<void> sent =
      send_parcel(control_.get(), label, std::array{block.file()}, os::Wait::no);
  if (!sent) return explain(task, "the arguments", sent.error());
  known.store(block.segment_id(), std::memory_order_relaxed);  // published with the entry
  return Delivery::done;
}

// Sends what lasts once; the worker keeps it for later tasks. What it has comes first: it must not
// make room for the rest.
Delivery Incarnation::lend(Task& task, Entry& entry) {
  const auto all = task.arguments().descriptors;
  const auto first = all.first(std::min<std::size_t>(all.size(), kKeptPerTask));
  const auto name = [&](std::size_t i, unsigned slot) {
    entry.kept[i] = static_cast<std::uint8_t>(1 + slot);
  };
  for (std::size_t i = 0; i < first.size(); ++i) {
    if (const std::optional<unsigned> slot = lent_.find(first[i])) name(i, *slot);
  }
  for (std::size_t i = 0; i < first.size() && lent_.may_lend(); ++i) {
    if (entry.kept[i] != 0 || os::LastingFd::find(first[i]) == nullptr) continue;
    const std::optional<unsigned> slot = lent_.find_room(!has_tasks(), entry.kept);
    if (!slot) return Delivery::full;
    const ParcelLabel label{.ticket = kKeptTicket, .slot = *slot, .segment = lent_.next_id()};
    const os::Result<void> sent =
        send_parcel(control_.get(), label, std::array{first[i]->get()}, os::Wait::no);
    if (!sent) return explain(task, "the descriptors", sent.error());
    lent_.lend(*slot, first[i]);
    name(i, *slot);
  }
  return Delivery::done;
}

Delivery Incarnation::post_parcel(Task& task, const Entry& entry, const os::Fd& file) {
  std::vector<int> fds;
  if (file) fds.push_back(file.get());
  const auto descriptors = task.arguments().descriptors;
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    if (i >= kKeptPerTask || entry.kept[i] == 0) fds.push_back(descriptors[i]->get());
  }
  if (fds.empty()) return Delivery::done;
  const os::Result<void> sent =
      send_parcel(control_.get(), {entry.ticket, file ? 1U : 0U}, fds, os::Wait::no);
  if (sent) return Delivery::done;
  return explain(task, "the descriptors", sent.error());
}

// What a failure to hand over `what` means.
Delivery Incarnation::explain(Task& task, const char* what, const os::Failure& failure) const {
  if (failure.error == EAGAIN && has_tasks()) return Delivery::full;
  // It is dying, or has stopped reading.
  for (const int error : {EPIPE, ECONNRESET, EAGAIN}) {
    if (failure.error == error) return Delivery::refused;
  }
  task.fail_by([failure, name = task.name(), what] {
    throw ResourceError(std::error_code(failure.error, std::generic_category()),
                        std::string(what) + " of task " + name + " need " + failure.to_string());
  });
  return Delivery::impossible;
}

os::FutexWord Incarnation::next_result() const noexcept {
  return {low_half(memory_.completions().cq_tail), mailbox_.collected()};
}

bool Incarnation::drop_segments(const memory::Arena& arena) noexcept {
  SharedSubmissions& submissions = memory_.submissions();
  bool has_dropped = false;
  for (unsigned slot = 0; slot < kSegmentSlots; ++slot) {
    const std::uint64_t id = submissions.segments[slot].load(std::memory_order_relaxed);
    if (id == 0 || id == arena.segment_id(slot)) continue;
    submissions.segments[slot].store(0, std::memory_order_relaxed);
    has_dropped = true;
  }
  if (has_dropped) mailbox_.drop_segments();
  return has_dropped;
}

bool Incarnation::take_back() {
  const auto [honesty, count] = mailbox_.revoke_youngest();
  if (honesty == Honesty::violation) violation_ = "an impossible gate";
  // One that has taken all it was given, and answers none of it, would keep it for ever.
  if (count == 0 && !mailbox_.has_answered_what_it_took()) violation_ = "more tasks taken than run";
  if (honesty == Honesty::violation || count == 0) return false;
  forget_youngest();
  return true;
}

// --- collecting results -------------------------------------------------------------------------

Incarnation::Harvest Incarnation::collect(const Task& task) {
  Completion completion;
  const auto [honesty, has_completion] = mailbox_.peek(task.ticket, completion);
  if (honesty == Honesty::violation) return refuse(task, "a forged completion");
  if (!has_completion) return {};
  Harvest harvest;
  Completed& completed = harvest.completed;
  const Fetch fetched =
      is_possible(completion, task) ? fetch(completion, task, completed.result) : Fetch::impossible;
  if (fetched == Fetch::impossible) return refuse(task, "an impossible result");
  if (fetched == Fetch::no_room) give_back_lost(completion);
  mailbox_.release();
  if (uses_arguments_.front()) arguments_.free_front();
  uses_arguments_.pop_front();
  harvest.kind = fetched == Fetch::done ? Harvest::Kind::result : Harvest::Kind::no_room;
  completed.status =
      completion.outcome == Outcome::value ? Task::Status::finished : Task::Status::raised;
  completed.started = completion.started;
  completed.ended = completion.ended;
  completed.nanoseconds = static_cast<std::uint32_t>(
      std::min(completion.ended - completion.started, std::int64_t{RunTimes::kUnknown}));
  completed.items = completion.items;
  completed.error_bytes = completion.error_bytes;
  return harvest;
}

Incarnation::Harvest Incarnation::refuse(const Task& task, const char* violation) {
  violation_ = violation;
  answered_falsely_ = task.ticket;
  return {};
}

// The worker gets its block back, and sends the file of the segment once more.
void Incarnation::give_back_lost(const Completion& completion) noexcept {
  const bool is_in_segment =
      completion.place == Place::in_segment || completion.place == Place::in_new_segment;
  if (!is_in_segment || !lost_segments_.test(completion.segment)) return;
  leases_->release(static_cast<std::uint16_t>(completion.block | kSegmentMissing));
}

// A part of a map has done at least one element, or says which exception ended it.
bool Incarnation::is_possible(const Completion& completion, const Task& task) {
  if (completion.outcome > Outcome::exception) return false;
  if (completion.started < 0 || completion.ended < completion.started) return false;
  if (task.part == nullptr) return completion.items == 0 && completion.error_bytes == 0;
  const bool has_failed = completion.outcome == Outcome::exception;
  const std::size_t settled = std::size_t{completion.items} + (has_failed ? 1 : 0);
  if (settled == 0 || settled > task.part->count) return false;
  return has_failed == (completion.error_bytes > 0) && completion.error_bytes <= completion.size;
}

// The parent reads what a dead worker left: every number in it is a stranger's. A part that was not
// announced ran one element at most; of a worker that lies nothing is known.
void Incarnation::rescue(const Task& task, WorkerEnd& end) const {
  if (!violation_.empty()) end.items = std::nullopt;
  if (!violation_.empty() || task.part == nullptr) return;
  const SharedCompletions& words = memory_.completions();
  if (words.run_ticket.load(std::memory_order_acquire) != task.ticket) return;
  const std::uint64_t offset = words.run_offset.load(std::memory_order_relaxed);
  // acquire: pairs with the release in ItemRun::next.
  const auto progress =
      internal::ItemRun::Progress::unpack(words.progress.load(std::memory_order_acquire));
  const auto& replies = words.replies;
  const bool is_possible = offset <= replies.size() && progress.bytes <= replies.size() - offset &&
                           progress.items <= task.part->count;
  end.items = std::nullopt;
  if (!is_possible) return;
  end.values = Payload(std::span(replies).subspan(offset, progress.bytes));
  end.items = progress.items;
}

// `completion` is a private copy; every number in it is a stranger's.
Incarnation::Fetch Incarnation::fetch(const Completion& completion, const Task& task,
                                      Payload& result) try {
  const Fetch fetched = fetch_bytes(completion, task, result);
  if (fetched != Fetch::done) return fetched;
  if (completion.place != Place::in_file && completion.descriptors == 0) return Fetch::done;
  return fetch_parcel(completion, result);
} catch (const std::bad_alloc&) {
  return Fetch::no_room;
}

Incarnation::Fetch Incarnation::fetch_bytes(const Completion& completion, const Task& task,
                                            Payload& result) {
  const auto& replies = memory_.completions().replies;
  switch (completion.place) {
    case Place::in_entry:
      if (completion.size > kCompletionInlineBytes) return Fetch::impossible;
      result = Payload(std::span(completion.bytes).first(completion.size));
      return Fetch::done;
    case Place::in_mailbox:
      if (completion.offset > replies.size()) return Fetch::impossible;
      if (completion.size > replies.size() - completion.offset) return Fetch::impossible;
      result = Payload(std::span(replies).subspan(completion.offset, completion.size));
      return Fetch::done;
    case Place::in_file:
      return Fetch::done;  // with the parcel
    case Place::in_new_segment: {
      const Fetch fetched = fetch_segment(completion);
      if (fetched != Fetch::done) return fetched;
      const Fetch taken = fetch_from_segment(completion, task, result);
      // One as large as this is let go with its block: its worker does not use it again.
      auto& segment = reply_segments_[completion.segment];
      if (segment->size() > memory::Arena::kMostIdleBytes) segment = nullptr;
      return taken;
    }
    case Place::in_segment:
      return fetch_from_segment(completion, task, result);
  }
  return Fetch::impossible;
}

// The file of a segment was sent before the completion that says so was published.
Incarnation::Fetch Incarnation::fetch_segment(const Completion& completion) {
  if (completion.segment >= kSegmentSlots) return Fetch::impossible;
  // What was mapped there is another segment's; until this one is, it counts as lost.
  reply_segments_[completion.segment] = nullptr;
  lost_segments_.set(completion.segment);
  for (int stale = 0; stale < kMostStaleParcels; ++stale) {
    const os::Result<Parcel> parcel = receive_parcel(control_.get(), os::Wait::no);
    if (!parcel) return parcel.error().error == EMFILE ? Fetch::no_room : Fetch::impossible;
    const ParcelLabel& label = parcel->label;
    // One of a result that was not taken, or could not be sent.
    if (label.ticket != kSegmentTicket || label.segment < completion.ticket) continue;
    const bool is_it = label.segment == completion.ticket && label.slot == completion.segment;
    return is_it ? add_segment(*parcel) : Fetch::impossible;
  }
  return Fetch::impossible;
}

Incarnation::Fetch Incarnation::add_segment(const Parcel& parcel) {
  const ParcelLabel& label = parcel.label;
  if (parcel.fds.size() != 1) return Fetch::impossible;
  os::Result<memory::Mapping> mapping =
      memory::Mapping::map_foreign(parcel.fds.front().get(), label.bytes);
  if (!mapping) return mapping.error().error == EPROTO ? Fetch::impossible : Fetch::no_room;
  reply_segments_[label.slot] = std::make_shared<const memory::Mapping>(std::move(*mapping));
  lost_segments_.reset(label.slot);
  return Fetch::done;
}

// A value stays where it is; what is looked at piece by piece is copied.
Incarnation::Fetch Incarnation::fetch_from_segment(const Completion& completion, const Task& task,
                                                   Payload& result) {
  if (completion.segment >= kSegmentSlots) return Fetch::impossible;
  const auto& segment = reply_segments_[completion.segment];
  if (segment == nullptr) {
    return lost_segments_.test(completion.segment) ? Fetch::no_room : Fetch::impossible;
  }
  const std::span<const std::byte> all = segment->bytes();
  if (completion.offset > all.size() || completion.size > all.size() - completion.offset) {
    return Fetch::impossible;
  }
  const std::span<const std::byte> bytes = all.subspan(completion.offset, completion.size);
  auto lease = std::make_unique<ReplyLease>(segment, bytes, leases_, completion.block);
  const bool is_value = completion.outcome == Outcome::value && task.part == nullptr;
  result = is_value ? Payload(std::move(lease)) : Payload(bytes);
  return Fetch::done;
}

// The parcel was sent before the completion was published, so that it is here or was never sent.
Incarnation::Fetch Incarnation::fetch_parcel(const Completion& completion, Payload& result) {
  os::Result<Parcel> parcel = receive_parcel(control_.get(), os::Wait::no);
  // One that lay there for a result that could not be taken.
  for (int stale = 0; parcel && (parcel->label.ticket < completion.ticket ||
                                 parcel->label.ticket == kSegmentTicket);
       ++stale) {
    if (stale == kMostStaleParcels) return Fetch::impossible;
    parcel = receive_parcel(control_.get(), os::Wait::no);
  }
  if (!parcel && parcel.error().error == EMFILE) return Fetch::no_room;
  const bool has_file = completion.place == Place::in_file;
  if (!parcel || parcel->label.ticket != completion.ticket) return Fetch::impossible;
  if (parcel->fds.size() != completion.descriptors + (has_file ? 1U : 0U)) return Fetch::impossible;
  auto fd = parcel->fds.begin();
  if (has_file) {
    const Fetch fetched = fetch_file(*fd++, completion.size, result);
    if (fetched != Fetch::done) return fetched;
  }
  Payload::Descriptors descriptors;
  for (; fd != parcel->fds.end(); ++fd) {
    descriptors.push_back(std::make_shared<const UniqueFd>(std::move(*fd)));
  }
  result.set_descriptors(std::move(descriptors));
  return Fetch::done;
}

// A map is worth its while for large results only: a process may have some 65 000 of them.
Incarnation::Fetch Incarnation::fetch_file(const os::Fd& file, std::size_t size, Payload& result) {
  os::Result<memory::Mapping> mapping = memory::Mapping::map_sealed(file.get(), size);
  if (!mapping) return mapping.error().error == EPROTO ? Fetch::impossible : Fetch::no_room;
  result = size <= kLargestCopiedFile ? Payload(mapping->bytes()) : Payload(std::move(*mapping));
  return Fetch::done;
}

}  // namespace shoal::pool
