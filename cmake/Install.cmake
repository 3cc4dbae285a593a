# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts down: the library, its headers, a CMake package and a pkg-config file.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(SHOAL_CMAKE_DIR "${CMAKE_INSTALL_LIBDIR}/cmake/shoal")

install(TARGETS shoal EXPORT shoalTargets FILE_SET HEADERS)
install(EXPORT shoalTargets NAMESPACE shoal:: DESTINATION "${SHOAL_CMAKE_DIR}")

configure_package_config_file(cmake/shoalConfig.cmake.in "${PROJECT_BINARY_DIR}/shoalConfig.cmake"
                              INSTALL_DESTINATION "${SHOAL_CMAKE_DIR}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/shoalConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/shoalConfig.cmake"
              "${PROJECT_BINARY_DIR}/shoalConfigVersion.cmake" DESTINATION "${SHOAL_CMAKE_DIR}")

# The prefix is written relative to the file, at whatever depth LIBDIR has, so that a tree can be moved.
set(SHOAL_PC_DIR "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
file(RELATIVE_PATH SHOAL_PC_PREFIX "/prefix/${SHOAL_PC_DIR}" "/prefix")
if(BUILD_SHARED_LIBS)
  set(SHOAL_PC_REQUIRES "Requires.private: spdlog libcrypto")
else()
  set(SHOAL_PC_REQUIRES "Requires: spdlog libcrypto")
endif()
configure_file(cmake/shoal.pc.in "${PROJECT_BINARY_DIR}/shoal.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/shoal.pc" DESTINATION "${SHOAL_PC_DIR}")
