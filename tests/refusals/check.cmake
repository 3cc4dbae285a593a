# SPDX-License-Identifier: Apache-2.0
# cmake -DCOMPILER=<c++> -DINCLUDES=<dir;…> -DSOURCE=<file> -P check.cmake
# Compiles the program, as far as its meaning. If it has a line `// expect: <phrase>`, the compiler must refuse it and
# say the phrase; else it must compile.
cmake_minimum_required(VERSION 3.25)

list(TRANSFORM INCLUDES PREPEND -I)
execute_process(COMMAND "${COMPILER}" -std=c++20 -fsyntax-only -fmessage-length=0 ${INCLUDES} "${SOURCE}"
                RESULT_VARIABLE result ERROR_VARIABLE said OUTPUT_VARIABLE said)
file(STRINGS "${SOURCE}" line REGEX "^// expect: ")
string(REGEX MATCH "^// expect: (.*)$" expects "${line}")
set(phrase "${CMAKE_MATCH_1}")

if(NOT expects)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "should compile, but:\n${said}")
  endif()
elseif(result EQUAL 0)
  message(FATAL_ERROR "compiles, but should be refused: ${phrase}")
else()
  string(FIND "${said}" "${phrase}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "refused, but not by \"${phrase}\":\n${said}")
  endif()
endif()
