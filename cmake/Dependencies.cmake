# SPDX-License-Identifier: Apache-2.0
# Every third party this project uses, found in one place. Debian names: tools/deps/debian.txt;
# what an installed shoal needs again: cmake/shoalConfig.cmake.in.
find_package(Threads REQUIRED)
find_package(Boost 1.81 CONFIG REQUIRED)
find_package(spdlog CONFIG REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)

if(SHOAL_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
if(SHOAL_BUILD_TOOLS AND SHOAL_BUILD_BENCHMARKS)
  find_package(TBB CONFIG REQUIRED)
  find_package(CLI11 CONFIG REQUIRED)
  find_package(nlohmann_json CONFIG REQUIRED)
endif()
