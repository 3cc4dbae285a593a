# SPDX-License-Identifier: Apache-2.0
# shoal_test(<label>_<subject> SOURCES … [LABELS …] [TIMEOUT seconds] [LIBRARIES …]): one GoogleTest program of our
# own `main` (tests/support/main.cpp calls shoal::bootstrap), whose cases ctest runs one by one. The first word of the
# name is their label and the program is part of the target tests_<label>; LABELS adds others.
# Under a sanitizer, the optimizer would take longer than what it spares.
function(shoal_test_options target)
  set(level -O1)
  if(SHOAL_SANITIZE)
    set(level -O0)
  endif()
  target_compile_options(${target} PRIVATE "$<$<CONFIG:RelWithDebInfo>:${level};-g1>")
endfunction()

function(shoal_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LABELS;LIBRARIES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE shoal::shoal shoal_test_support ${ARG_LIBRARIES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/lib/src
                                             ${PROJECT_SOURCE_DIR}/tests)
  shoal_warnings(${name})

  string(REGEX MATCH "^[^_]+" label ${name})
  # Nearly all of a build's time goes here: headers are read once, and what waits for processes need not be fast.
  if(label MATCHES "^(unit|conformance)$")
    shoal_test_options(${name})
    target_precompile_headers(${name} REUSE_FROM shoal_test_support)
  endif()
  if(NOT TARGET tests_${label})
    add_custom_target(tests_${label})
  endif()
  add_dependencies(tests_${label} ${name})

  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  if(SHOAL_SANITIZE)
    math(EXPR ARG_TIMEOUT "5 * ${ARG_TIMEOUT}")
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES TIMEOUT ${ARG_TIMEOUT})

  # A list of labels does not survive gtest_discover_tests, so they are set once ctest has read the cases.
  set(labels "${label};${ARG_LABELS}")
  set(label_file "${CMAKE_CURRENT_BINARY_DIR}/${name}_labels.cmake")
  file(CONFIGURE OUTPUT "${label_file}" @ONLY CONTENT [[
foreach(case IN LISTS @name@_TESTS)
  set_tests_properties("${case}" PROPERTIES LABELS "@labels@")
endforeach()
]])
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${label_file}")
endfunction()
