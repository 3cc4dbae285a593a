# SPDX-License-Identifier: Apache-2.0
# cmake -DROOT=<source tree> -P CheckSkips.cmake
# A test that may skip says so in the open: each use of GTEST_SKIP has a row under "Skips" of tests/README.md, which
# names the test it stands in (or, outside of tests, its file) and says where it skips.
cmake_minimum_required(VERSION 3.25)
include("${CMAKE_CURRENT_LIST_DIR}/TestPages.cmake")

# find_skips(file out): the tests of `file` that hold a GTEST_SKIP.
function(find_skips file out)
  file(READ "${ROOT}/${file}" text)
  string(REGEX MATCHALL "\nTEST(_F|_P)?\\([^)]*\\)|GTEST_SKIP" words "\n${text}")
  set(place "${file}")
  set(found "")
  foreach(word IN LISTS words)
    if(word STREQUAL "GTEST_SKIP")
      list(APPEND found "${place}")
    else()
      string(REGEX REPLACE "^[^(]*\\([ \n]*([A-Za-z0-9_]+),[ \n]*([A-Za-z0-9_]+)[ \n]*\\)$" "\\1.\\2" place "${word}")
    endif()
  endforeach()
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE files RELATIVE "${ROOT}" "${ROOT}/tests/*.cpp" "${ROOT}/tests/*.hpp")
list(FILTER files EXCLUDE REGEX "^tests/architecture/")
foreach(file IN LISTS files)
  find_skips("${file}" found)
  list(APPEND skipping ${found})
endforeach()
list(REMOVE_DUPLICATES skipping)

read_rows("Skips" rows)
list(TRANSFORM rows REPLACE "^`?([^|`]*)`?\\|.*$" "\\1")
foreach(place IN LISTS skipping)
  if(NOT place IN_LIST rows)
    report("${place}: may skip, and tests/README.md does not say where")
  endif()
endforeach()
foreach(place IN LISTS rows)
  if(NOT place IN_LIST skipping)
    report("tests/README.md: ${place}: does not skip")
  endif()
endforeach()
finish("Tests that skip in silence")
