// SPDX-License-Identifier: Apache-2.0
#include "os/limits.hpp"

#include <sys/resource.h>

#include <cstdlib>

#include "os/after_fork.hpp"
#include "os/fd.hpp"

namespace shoal::os {
namespace {

const char* name_of(Resource resource) noexcept {
  switch (resource) {
    case Resource::private_memory:
      return "RLIMIT_DATA";
    case Resource::cpu_time:
      return "RLIMIT_CPU";
    case Resource::descriptors:
      return "RLIMIT_NOFILE";
    case Resource::file_size:
      return "RLIMIT_FSIZE";
  }
  return "";
}

}  // namespace

Result<void> set_bound(const Bound& bound) noexcept {
  if (after_fork::set_bound(bound)) return {};
  return failure(errno, "setrlimit", "%s, %llu", name_of(bound.resource),
                 static_cast<unsigned long long>(bound.value));
}

Result<std::uint64_t> highest_bound(Resource resource) noexcept {
  rlimit limit{};
  if (::getrlimit(after_fork::number_of(resource), &limit) != 0) {
    return failure(errno, "getrlimit", "%s", name_of(resource));
  }
  return static_cast<std::uint64_t>(limit.rlim_max);
}

Result<std::uint64_t> private_memory() {
  constexpr const char* kPath = "/proc/self/status";
  constexpr std::string_view kKey = "\nVmData:";
  constexpr std::uint64_t kKibibyte = 1024;
  const Result<std::string> text = read_text(kPath);
  if (!text) return text.error();
  const std::size_t at = text->find(kKey);
  if (at == std::string::npos) return failure(ENODATA, "read", "%s, VmData", kPath);
  return std::strtoull(text->c_str() + at + kKey.size(), nullptr, 10) * kKibibyte;
}

FileSizeExemption::FileSizeExemption() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  bound_ = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  is_lifted_ = ::setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

FileSizeExemption::~FileSizeExemption() {
  rlimit limit{};
  if (!is_lifted_ || ::getrlimit(RLIMIT_FSIZE, &limit) != 0) return;
  limit.rlim_cur = bound_;
  ::setrlimit(RLIMIT_FSIZE, &limit);
}

}  // namespace shoal::os
