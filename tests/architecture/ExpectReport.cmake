# SPDX-License-Identifier: Apache-2.0
# cmake -DTREE=<fixture> -P ExpectReport.cmake -- <arguments of cmake that run the check>
# Proves that a check can fail: on the fixture tree it must report exactly the lines of <fixture>/expected.txt.
cmake_minimum_required(VERSION 3.25)

set(index 0)
while(NOT "${CMAKE_ARGV${index}}" STREQUAL "--")
  math(EXPR index "${index} + 1")
endwhile()
math(EXPR index "${index} + 1")
while(index LESS CMAKE_ARGC)
  list(APPEND arguments "${CMAKE_ARGV${index}}")
  math(EXPR index "${index} + 1")
endwhile()

execute_process(COMMAND "${CMAKE_COMMAND}" ${arguments} RESULT_VARIABLE status ERROR_VARIABLE output)
string(REGEX MATCHALL "\n    [^\n]+" reported "\n${output}")
list(TRANSFORM reported REPLACE "^\n +" "")
list(SORT reported)
file(STRINGS "${TREE}/expected.txt" expected)
list(SORT expected)
if(status EQUAL 0)
  message(FATAL_ERROR "the check accepts ${TREE}")
elseif(NOT reported STREQUAL expected)
  list(JOIN reported "\n  " reported)
  list(JOIN expected "\n  " expected)
  message(FATAL_ERROR "reported:\n  ${reported}\nexpected:\n  ${expected}")
endif()
