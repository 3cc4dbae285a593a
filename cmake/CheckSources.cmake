# SPDX-License-Identifier: Apache-2.0
# cmake -DROOT=<source tree> -P CheckSources.cmake
# What holds for every line of ours: licence, length, #pragma once, and the words that have no place in the library.
cmake_minimum_required(VERSION 3.25)
include("${CMAKE_CURRENT_LIST_DIR}/Report.cmake")

set(LONGEST_HEADER 300)
set(LONGEST_SOURCE 500)

# <pattern>=<why not>, looked for in lib/ outside comments.
set(FORBIDDEN
  "(std::|[^a-zA-Z0-9_>]::|[;{})][ \n]*)((quick_)?exit|abort|terminate) *\\(=a library never ends its user's process, and a child ends by _exit"
  "pthread_(mutex|cond|barrier|rwlock)=these do not survive a killed holder (ARCHITECTURE 1)"
  "(^|[^a-z0-9_])sem_(init|open|wait|post)=these do not survive a killed holder (ARCHITECTURE 1)"
  "interprocess/sync/|interprocess_(mutex|condition|semaphore)=these do not survive a killed holder (ARCHITECTURE 1)"
  "message_queue|managed_(shared_memory|mapped_file)=these do not survive a killed holder (ARCHITECTURE 1)"
  "std::(cout|cerr) *<<|(^|[^a-z0-9_])f?printf *\\(=no call prints on the user's behalf: use base/log.hpp")

function(check_licence file text)
  if(NOT text MATCHES "^(#![^\n]*\n)?(//|#) SPDX-License-Identifier: Apache-2.0\n")
    report("${file}: the first line is not // SPDX-License-Identifier: Apache-2.0")
  endif()
endfunction()

function(check_length file limit)
  count_lines("${ROOT}/${file}" lines)
  if(lines GREATER limit)
    report("${file}: ${lines} lines, more than ${limit}: it has two nouns")
  endif()
endfunction()

function(check_words file text)
  string(REGEX REPLACE "//[^\n]*" "" code "${text}")
  foreach(row IN LISTS FORBIDDEN)
    string(REGEX REPLACE "=.*$" "" pattern "${row}")
    string(REGEX REPLACE "^[^=]*=" "" reason "${row}")
    if(code MATCHES "${pattern}")
      string(STRIP "${CMAKE_MATCH_0}" word)
      report("${file}: ${word}: ${reason}")
    endif()
  endforeach()
endfunction()

foreach(folder lib tests examples tools cmake)
  file(GLOB_RECURSE found RELATIVE "${ROOT}" "${ROOT}/${folder}/*.hpp" "${ROOT}/${folder}/*.cpp"
       "${ROOT}/${folder}/*.cmake" "${ROOT}/${folder}/*.sh")
  list(APPEND files ${found})
endforeach()
list(FILTER files EXCLUDE REGEX "^tests/architecture/fixtures/")

foreach(file IN LISTS files)
  file(READ "${ROOT}/${file}" text)
  check_licence("${file}" "${text}")
  if(file MATCHES "\\.hpp$")
    check_length("${file}" ${LONGEST_HEADER})
    if(NOT text MATCHES "\n#pragma once\n")
      report("${file}: no #pragma once")
    endif()
  elseif(file MATCHES "\\.cpp$")
    check_length("${file}" ${LONGEST_SOURCE})
  endif()
  if(file MATCHES "^lib/")
    check_words("${file}" "${text}")
  endif()
endforeach()
finish("Sources that break a rule of the house")
