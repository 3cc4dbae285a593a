// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <system_error>

namespace shoal::serial {

/// The category of that name, if it is one that every process has; null otherwise.
const std::error_category* find_category(std::string_view name) noexcept;

/// Stands for a category that only the process knows which the code came from; named "foreign".
const std::error_category& foreign_category() noexcept;

}  // namespace shoal::serial
