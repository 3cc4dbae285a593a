// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "shoal/codec.hpp"

namespace shoal::test {

/// Writes `value`, reads it back and checks that nothing is left over.
template <class T>
T round_trip(const T& value) {
  Writer writer;
  writer.put(value);
  Reader reader(writer.bytes(), writer.descriptors());
  T copy = reader.get<T>();
  reader.finish();
  return copy;
}

}  // namespace shoal::test
