# SPDX-License-Identifier: Apache-2.0
# What the checks of tests/README.md share: its tables, the tests there are, and what is pending.
# All take ROOT, the source tree.
include("${CMAKE_CURRENT_LIST_DIR}/Report.cmake")

# find_tests(out): "Suite.Fact" of every TEST, TEST_F and TEST_P in tests/; BOUND_SUITES are those that some
# SHOAL_FOR_EACH_START_METHOD (or HOME, or PROCESS_HOME) names.
function(find_tests out)
  file(GLOB_RECURSE files RELATIVE "${ROOT}" "${ROOT}/tests/*.cpp")
  list(FILTER files EXCLUDE REGEX "^tests/architecture/")
  set(tests "")
  set(bound "")
  foreach(file IN LISTS files)
    file(READ "${ROOT}/${file}" text)
    string(REGEX MATCHALL "\nTEST(_F|_P)?\\([^)]*\\)" found "\n${text}")
    list(TRANSFORM found REPLACE "^\nTEST(_F|_P)?\\([ \n]*([A-Za-z0-9_]+),[ \n]*([A-Za-z0-9_]+)[ \n]*\\)$"
                                 "\\2.\\3")
    list(APPEND tests ${found})
    string(REGEX MATCHALL "\nSHOAL_FOR_EACH_(START_METHOD|HOME|PROCESS_HOME)\\([A-Za-z0-9_]+\\)" suites "\n${text}")
    list(TRANSFORM suites REPLACE "^.*\\(([A-Za-z0-9_]+)\\)$" "\\1")
    list(APPEND bound ${suites})
  endforeach()
  set(${out} "${tests}" PARENT_SCOPE)
  set(BOUND_SUITES "${bound}" PARENT_SCOPE)
endfunction()

# read_rows(heading out): the rows of the two-column tables under "## <heading>" of tests/README.md, as
# "left|right"; a semicolon in them becomes a comma.
function(read_rows heading out)
  file(READ "${ROOT}/tests/README.md" text)
  string(REPLACE ";" "," text "${text}")
  string(FIND "${text}" "\n## ${heading}\n" begin)
  if(begin EQUAL -1)
    report("tests/README.md: no section \"${heading}\"")
    set(${out} "" PARENT_SCOPE)
    return()
  endif()
  string(SUBSTRING "${text}" ${begin} -1 text)
  string(SUBSTRING "${text}" 1 -1 text)
  string(FIND "${text}" "\n## " end)
  string(SUBSTRING "${text}" 0 ${end} text)
  string(REGEX MATCHALL "\n\\|[^|\n]+\\|[^|\n]+\\|" rows "${text}")
  list(TRANSFORM rows REPLACE "^\n\\| *([^|]*[^| ]) *\\| *([^|]*[^| ]) *\\|$" "\\1|\\2")
  list(FILTER rows EXCLUDE REGEX "^-+\\|-+$")
  list(POP_FRONT rows)  # the column names
  set(${out} "${rows}" PARENT_SCOPE)
endfunction()

# read_pending(out): the lines of tests/pending.txt, the list of what is promised and not there yet.
function(read_pending out)
  set(lines "")
  if(EXISTS "${ROOT}/tests/pending.txt")
    file(STRINGS "${ROOT}/tests/pending.txt" lines REGEX "^[^#]")
  endif()
  set(${out} "${lines}" PARENT_SCOPE)
endfunction()
