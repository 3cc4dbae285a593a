# SPDX-License-Identifier: Apache-2.0
# shoal_warnings(target): the warnings our own code is held to; never part of the public interface.
function(shoal_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
                                           -Wnon-virtual-dtor -Woverloaded-virtual)
  if(SHOAL_WARNINGS_AS_ERRORS)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
