// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "fuzz/dice.hpp"
#include "os/memfd.hpp"
#include "os/socket.hpp"
#include "pool/arena_memory.hpp"
#include "pool/incarnation.hpp"
#include "pool/mailbox.hpp"
#include "pool/worker_memory.hpp"

namespace shoal::fuzz {

/// Both ends of a mailbox in one process: the parent's, as its pool has it, and the worker's.
struct MailboxEnds {
  MailboxEnds() : MailboxEnds(pool::WorkerFiles()) {}

  /// A task of this many bytes of arguments; for `items` > 0 a part of a map of so many elements.
  pool::TaskRef make_task(std::size_t bytes, std::size_t items) {
    static const auto call = [] {
      Writer unused;
      return internal::encode_call(
          unused, +[](int n) { return n; }, 1);
    }();
    const pool::Function& function = functions.intern(call);
    if (items > 0) return make_part(function, bytes / items + 1, items);
    Writer arguments(arguments_memory);
    const std::string text(bytes, static_cast<char>('a' + last_ticket % 26));
    arguments.write(text.data(), bytes);
    auto task = std::make_shared<pool::Task>(function, pool::Payload(std::move(arguments)));
    task->ticket = ++last_ticket;
    return task;
  }

  static inline pool::FunctionTable functions;
  pool::ArenaMemory arguments_memory{"fuzz-arguments"};
  std::uint64_t last_ticket = 0;
  std::pair<os::Fd, os::Fd> sockets = value_of(os::create_socket_pair(os::SocketKind::messages));
  os::Fd worker_socket = std::move(sockets.second);
  pool::Incarnation incarnation;
  pool::AttachedMemory attached;
  pool::WorkerMailbox<sync::Hardware> mailbox{attached.submissions(), attached.completions(),
                                              attached.gate()};

 private:
  explicit MailboxEnds(pool::WorkerFiles files)
      : incarnation(value_of(pool::WorkerMemory::create(0, files)), nullptr,
                    std::move(sockets.first)),
        attached(value_of(pool::AttachedMemory::attach(
            files.submissions.get(), files.completions.get(), files.gate.get(),
            value_of(os::create_shared_file("board", pool::kBoardBytes)).get()))) {}

  pool::TaskRef make_part(const pool::Function& function, std::size_t item_bytes,
                          std::size_t items) {
    internal::ItemBatch batch{Writer(), items, item_bytes, {}};
    const std::string text(item_bytes * items, 'i');
    batch.bytes.write(text.data(), text.size());
    auto task = std::make_shared<pool::Task>(function, pool::Payload());
    task->ticket = ++last_ticket;
    task->part = std::make_unique<pool::Part>();
    task->part->batch = std::make_shared<const pool::Batch>(std::move(batch));
    task->part->count = items;
    return task;
  }
};

}  // namespace shoal::fuzz
