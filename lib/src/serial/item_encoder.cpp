// SPDX-License-Identifier: Apache-2.0
#include "shoal/item_encoder.hpp"

namespace shoal::internal {

// The first of its batch, of another size than those before, or with descriptors.
void ItemEncoder::close_odd_item(std::size_t end) {
  if (!writer_.descriptors().empty()) {
    Writer own = writer_.split_off(begin_);
    close_batch();
    const std::size_t bytes = own.bytes().size();
    batches_.push_back({std::move(own), 1, bytes, {}});
    return;
  }
  if (count_ == 0) {
    item_bytes_ = end;
  } else {
    for (std::size_t item = ends_.size(); item < count_; ++item) {
      ends_.push_back((item + 1) * item_bytes_);
    }
    ends_.push_back(end);
  }
  ++count_;
  begin_ = end;
}

void ItemEncoder::close_batch() {
  if (count_ > 0) {
    batches_.push_back({std::move(writer_), count_, item_bytes_, std::exchange(ends_, {})});
  }
  writer_ = Writer(memory_);
  count_ = begin_ = item_bytes_ = 0;
}

std::vector<ItemBatch> ItemEncoder::finish() && {
  close_batch();
  return std::move(batches_);
}

}  // namespace shoal::internal
