// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shoal/function.hpp"
#include "shoal/reader.hpp"
#include "shoal/writer.hpp"

namespace shoal::pool {

/// Adds PoolOptions::initializer, or that there is none, to what a worker is given.
/// @throws CodecError  its function is in no loaded library
void put_initializer(Writer& payload, const BoundTask& initializer);

/// Reads what put_initializer() wrote and runs it.
/// @throws what it throws
void run_initializer(Reader& payload);

}  // namespace shoal::pool
