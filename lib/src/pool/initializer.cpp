// SPDX-License-Identifier: Apache-2.0
#include "pool/initializer.hpp"

#include "serial/sent_call.hpp"
#include "shoal/codec.hpp"

namespace shoal::pool {

void put_initializer(Writer& payload, const BoundTask& initializer) {
  payload.put(static_cast<bool>(initializer));
  if (initializer) serial::SentCall(initializer).put(payload);
}

void run_initializer(Reader& payload) {
  if (payload.get<bool>()) serial::SentCall(payload).call();
}

}  // namespace shoal::pool
