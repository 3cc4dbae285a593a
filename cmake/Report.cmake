# SPDX-License-Identifier: Apache-2.0
# What the architecture checks share: collect every violation, then fail once with all of them.
set_property(GLOBAL PROPERTY SHOAL_VIOLATIONS "")

# report(text…): notes one violation, as "path: what is wrong".
function(report)
  list(JOIN ARGV "" text)
  set_property(GLOBAL APPEND_STRING PROPERTY SHOAL_VIOLATIONS "  ${text}\n")
endfunction()

# finish(what): ends the script; it fails if anything was reported.
function(finish what)
  get_property(violations GLOBAL PROPERTY SHOAL_VIOLATIONS)
  if(violations)
    message(FATAL_ERROR "${what}:\n${violations}")
  endif()
endfunction()

# count_lines(file out)
function(count_lines file out)
  file(READ "${file}" text)
  string(REGEX REPLACE "[^\n]" "" newlines "${text}")
  string(LENGTH "${newlines}" count)
  set(${out} ${count} PARENT_SCOPE)
endfunction()
