// SPDX-License-Identifier: Apache-2.0
#include "serial/sent_call.hpp"

#include "shoal/codec.hpp"

namespace shoal::serial {

SentCall::SentCall(const BoundTask& task)
    : callee(locate(task.target())),
      arguments(task.arguments().bytes().begin(), task.arguments().bytes().end()),
      descriptors(task.arguments().descriptors()) {}

SentCall::SentCall(Reader& reader)
    : callee(reader.get<CallRef>()), arguments(reader.get<std::vector<std::byte>>()) {
  descriptors.resize(reader.take_count(sizeof(std::uint32_t)));
  for (auto& descriptor : descriptors) descriptor = reader.take_fd();
}

// The arguments number their descriptors by themselves.
void SentCall::put(Writer& writer) const {
  writer.put(callee);
  writer.put(arguments);
  writer.put(static_cast<std::uint64_t>(descriptors.size()));
  for (const auto& descriptor : descriptors) writer.put_fd(descriptor);
}

void SentCall::call() const {
  Reader reader(arguments, descriptors);
  serial::call(resolve(callee), reader);
}

}  // namespace shoal::serial
