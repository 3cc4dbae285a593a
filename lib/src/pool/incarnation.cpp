// SPDX-License-Identifier: Apache-2.0
#include "pool/incarnation.hpp"

#include <algorithm>
#include <new>
#include <utility>

#include "os/memfd.hpp"
#include "pool/parcel.hpp"
#include "shoal/error.hpp"

namespace shoal::pool {
namespace {

// Arguments up to this size go through the ring in D; larger ones in files of their own.
constexpr std::size_t kLargestCopiedArguments = 16 << 10;
// Results in files of up to this size are copied out; larger ones stay mapped with their future.
constexpr std::size_t kLargestCopiedFile = 256 << 10;

}  // namespace

bool Incarnation::read_hello() {
  if (std::exchange(has_said_hello_, true)) return false;
  const os::Result<Parcel> parcel = receive_parcel(control_.get(), os::Wait::no);
  return parcel && parcel->label.ticket == kHelloTicket;
}

// --- handing out tasks --------------------------------------------------------------------------

Delivery Incarnation::deliver(Task& task, const FunctionTable& functions) try {
  introduce(*task.function, functions);
  Entry entry{};
  entry.ticket = task.ticket;
  entry.function = task.function->slot.id;
  entry.attempt = static_cast<std::uint16_t>(task.attempt + 1);
  entry.descriptors = static_cast<std::uint16_t>(task.payload.descriptors().size());
  os::Fd file;
  if (!place_arguments(task, entry, file)) return Delivery::impossible;
  if (file || entry.descriptors > 0) {
    const Delivery posted = post_parcel(task, entry, file);
    if (posted != Delivery::done) return posted;
  }
  uses_arguments_.push_back(entry.place == Place::in_mailbox);
  if (mailbox_.publish(entry) == Honesty::honest) return Delivery::done;
  violation_ = "an impossible gate";
  return Delivery::refused;
} catch (const std::bad_alloc&) {
  task.raise = [] { throw std::bad_alloc(); };
  return Delivery::impossible;
}

// A slot may be overwritten while its function is in no task in flight; with one task at a time
// none is.
void Incarnation::introduce(const Function& function, const FunctionTable& functions) {
  SharedSubmissions& submissions = memory_.submissions();
  const std::uint32_t modules = functions.module_count();
  for (; known_modules_ < modules; ++known_modules_) {
    submissions.modules[known_modules_] = functions.module(known_modules_);
  }
  FunctionSlot& slot = submissions.functions[function.slot.id % kFunctionSlots];
  if (slot.id != function.slot.id) slot = function.slot;
}

bool Incarnation::place_arguments(Task& task, Entry& entry, os::Fd& file) {
  const std::span<const std::byte> bytes = task.payload.bytes();
  entry.size = bytes.size();
  if (bytes.size() <= kEntryInlineBytes) {
    entry.place = Place::in_entry;
    std::copy(bytes.begin(), bytes.end(), entry.bytes.begin());
    return true;
  }
  if (bytes.size() <= kLargestCopiedArguments) {
    if (const auto offset = arguments_.allocate(bytes.size())) {
      entry.place = Place::in_mailbox;
      entry.offset = static_cast<std::uint32_t>(*offset);
      std::copy(bytes.begin(), bytes.end(),
                memory_.submissions().arguments.begin() + static_cast<std::ptrdiff_t>(*offset));
      return true;
    }
  }
  entry.place = Place::in_file;
  os::Result<os::Fd> made = os::make_sealed_file("shoal-payload", bytes);
  if (made) {
    file = std::move(*made);
    return true;
  }
  task.raise = [failure = made.error(), name = task.name()] {
    throw ResourceError(std::error_code(failure.error, std::generic_category()),
                        "the arguments of task " + name + " need " + failure.to_string());
  };
  return false;
}

Delivery Incarnation::post_parcel(Task& task, const Entry& entry, const os::Fd& file) {
  std::vector<int> fds;
  if (file) fds.push_back(file.get());
  for (const auto& fd : task.payload.descriptors()) fds.push_back(fd->get());
  const os::Result<void> sent =
      send_parcel(control_.get(), {entry.ticket, file ? 1U : 0U, 0}, fds, os::Wait::no);
  if (sent) return Delivery::done;
  if (entry.place == Place::in_mailbox) arguments_.free_back();
  const int error = sent.error().error;
  // It is dying, or has stopped reading.
  if (error == EPIPE || error == ECONNRESET || error == EAGAIN) return Delivery::refused;
  task.raise = [failure = sent.error(), name = task.name()] {
    throw ResourceError(std::error_code(failure.error, std::generic_category()),
                        "the descriptors of task " + name + " need " + failure.to_string());
  };
  return Delivery::impossible;
}

bool Incarnation::take_back() {
  const auto [honesty, count] = mailbox_.revoke_youngest();
  if (honesty == Honesty::violation) violation_ = "an impossible gate";
  if (honesty == Honesty::violation || count == 0) return false;
  if (uses_arguments_.back()) arguments_.free_back();
  uses_arguments_.pop_back();
  return true;
}

// --- collecting results -------------------------------------------------------------------------

Incarnation::Harvest Incarnation::collect(std::uint64_t ticket) {
  Completion completion;
  const auto [honesty, has_completion] = mailbox_.peek(ticket, completion);
  if (honesty == Honesty::violation) violation_ = "a forged completion";
  if (honesty == Honesty::violation || !has_completion) return {};
  Harvest harvest;
  const Fetch fetched = fetch(completion, harvest.result);
  if (fetched == Fetch::impossible) {
    violation_ = "an impossible result";
    return {};
  }
  mailbox_.release();
  if (uses_arguments_.front()) arguments_.free_front();
  uses_arguments_.pop_front();
  harvest.kind = fetched == Fetch::done ? Harvest::Kind::result : Harvest::Kind::no_room;
  harvest.is_value = completion.outcome == Outcome::value;
  return harvest;
}

// `completion` is a private copy; every number in it is a stranger's.
Incarnation::Fetch Incarnation::fetch(const Completion& completion, Payload& result) try {
  if (completion.outcome > Outcome::exception) return Fetch::impossible;
  const auto& replies = memory_.completions().replies;
  switch (completion.place) {
    case Place::in_entry:
      if (completion.size > kCompletionInlineBytes) return Fetch::impossible;
      result = Payload(std::span(completion.bytes).first(completion.size));
      break;
    case Place::in_mailbox:
      if (completion.offset > replies.size()) return Fetch::impossible;
      if (completion.size > replies.size() - completion.offset) return Fetch::impossible;
      result = Payload(std::span(replies).subspan(completion.offset, completion.size));
      break;
    case Place::in_file:
      break;
    default:
      return Fetch::impossible;
  }
  if (completion.place != Place::in_file && completion.descriptors == 0) return Fetch::done;
  return fetch_parcel(completion, result);
} catch (const std::bad_alloc&) {
  return Fetch::no_room;
}

// The parcel was sent before the completion was published, so that it is here or was never sent.
Incarnation::Fetch Incarnation::fetch_parcel(const Completion& completion, Payload& result) {
  os::Result<Parcel> parcel = receive_parcel(control_.get(), os::Wait::no);
  // One that lay there for a result that could not be taken.
  while (parcel && parcel->label.ticket < completion.ticket) {
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
