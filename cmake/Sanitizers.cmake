# SPDX-License-Identifier: Apache-2.0
# shoal_sanitize(target): builds `target` with SHOAL_SANITIZE. The library passes it on to whoever links it, so that
# one call covers every program of ours, and an installed sanitized library still links.
function(shoal_sanitize target)
  if(NOT SHOAL_SANITIZE)
    return()
  endif()
  target_compile_options(${target} PUBLIC -fsanitize=${SHOAL_SANITIZE} -fno-sanitize-recover=all
                                          -fno-omit-frame-pointer)
  target_link_options(${target} PUBLIC -fsanitize=${SHOAL_SANITIZE})
  # g++ says that ThreadSanitizer does not know fences. Ours order words between processes, which it does not see anyway.
  if(SHOAL_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PUBLIC -Wno-tsan)
  endif()
endfunction()
