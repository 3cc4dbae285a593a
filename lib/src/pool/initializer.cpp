// SPDX-License-Identifier: Apache-2.0
#include "pool/initializer.hpp"

#include <cstddef>
#include <vector>

#include "serial/function_ref.hpp"
#include "shoal/codec.hpp"

namespace shoal::pool {

void put_initializer(Writer& payload, const BoundTask& initializer) {
  payload.put(static_cast<bool>(initializer));
  if (!initializer) return;
  payload.put(serial::locate(initializer.target()));
  const Writer& arguments = initializer.arguments();
  payload.put(std::vector<std::byte>(arguments.bytes().begin(), arguments.bytes().end()));
  payload.put(static_cast<std::uint32_t>(arguments.descriptors().size()));
  for (const auto& descriptor : arguments.descriptors()) payload.put_fd(descriptor);
}

// The arguments number their descriptors by themselves.
void run_initializer(Reader& payload) {
  if (!payload.get<bool>()) return;
  const auto callee = payload.get<serial::CallRef>();
  const auto bytes = payload.get<std::vector<std::byte>>();
  std::vector<std::shared_ptr<const UniqueFd>> descriptors(payload.get<std::uint32_t>());
  for (auto& descriptor : descriptors) descriptor = payload.take_fd();
  Reader arguments(bytes, descriptors);
  serial::call(serial::resolve(callee), arguments);
}

}  // namespace shoal::pool
