# SPDX-License-Identifier: Apache-2.0
# cmake -DLIB=<lib folder> "-DFLOORS=base os …" -P CheckLayers.cmake
# A floor of lib/src includes itself and the floors before it. A third party is included in its home only. A public
# header belongs to the highest floor that implements it (a source's first include is its own header) or that a
# header it includes belongs to, so that going up through <shoal/…> is seen too.
cmake_minimum_required(VERSION 3.25)
include("${CMAKE_CURRENT_LIST_DIR}/Report.cmake")

# <header pattern>=<homes>; `public` is lib/include. What is not listed has no home yet: give it one here.
set(HOMES
  "spdlog/.*=base"
  "(sys|linux|asm|netinet|arpa|net)/.*=os"
  "(unistd|fcntl|netdb|poll|sched|signal|spawn|dirent|pthread|unwind|ucontext|malloc|termios)\\.h=os"
  "(errno|stdio_ext|time)\\.h=os"
  "boost/interprocess/(managed_external_buffer|allocators/allocator)\\.hpp=public"  # of shared_heap.hpp
  "boost/interprocess/.*=memory"
  "boost/version\\.hpp=public"
  "openssl/.*=channel"
  "boost/circular_buffer\\.hpp=pool"
  "boost/(pfr|describe)([./].*)=serial public"
  "boost/(uuid|mp11)([./].*)=serial"
  "(dlfcn|link|elf|cxxabi)\\.h=serial os"
  "(boost/optional|boost/type_traits)\\.hpp=process"
  "string\\.h=os"
  "boost/(process|asio)([./].*)=process")

function(includes_of file out)
  file(STRINGS "${LIB}/${file}" lines REGEX "^[ \t]*#[ \t]*include")
  list(TRANSFORM lines REPLACE "^[ \t]*#[ \t]*include[ \t]*([<\"][^>\"]*[>\"]).*" "\\1")
  set(${out} "${lines}" PARENT_SCOPE)
endfunction()

# floor_index(floor out): its height, counted from 0; -1 for a folder that is no floor.
function(floor_index floor out)
  list(FIND FLOORS "${floor}" index)
  set(${out} ${index} PARENT_SCOPE)
endfunction()

# raise(header index): the public header belongs to floor `index` at least; RAISED tells whether that was news.
function(raise header index)
  get_property(current GLOBAL PROPERTY "HEIGHT_${header}")
  if("${current}" STREQUAL "" OR index GREATER current)
    set_property(GLOBAL PROPERTY "HEIGHT_${header}" ${index})
    set(RAISED TRUE PARENT_SCOPE)
  endif()
endfunction()

function(place_public_headers)
  foreach(file IN LISTS SOURCES)
    includes_of("${file}" includes)
    if(file MATCHES "\\.cpp$" AND includes MATCHES "^[<\"]shoal/([^>\"]+)")
      set(header "${CMAKE_MATCH_1}")
      string(REGEX MATCH "^src/([^/]+)" _ "${file}")
      floor_index("${CMAKE_MATCH_1}" index)
      raise("${header}" ${index})
    endif()
  endforeach()
  set(RAISED TRUE)
  while(RAISED)
    set(RAISED FALSE)
    foreach(file IN LISTS PUBLIC)
      string(REGEX REPLACE "^include/shoal/" "" header "${file}")
      raise_above_its_includes("${header}" "${file}")
    endforeach()
  endwhile()
endfunction()

macro(raise_above_its_includes header file)
  includes_of("${file}" includes)
  foreach(include IN LISTS includes)
    if(include MATCHES "^[<\"]shoal/([^>\"]+)")
      get_property(height GLOBAL PROPERTY "HEIGHT_${CMAKE_MATCH_1}")
      if(NOT "${height}" STREQUAL "")
        raise("${header}" ${height})
      endif()
    endif()
  endforeach()
endmacro()

function(check_own file floor include path)
  floor_index("${floor}" own)
  string(REGEX MATCH "^[^/]+" target "${path}")
  floor_index("${target}" other)
  if(floor STREQUAL "public")
    report("${file}: ${include}: a public header includes no private one")
  elseif(other EQUAL -1)
    report("${file}: ${include}: write it as \"<floor>/<name>\"")
  elseif(other GREATER own)
    report("${file}: ${include}: ${floor} lies below ${target}")
  endif()
endfunction()

function(check_public file floor include header)
  if(floor STREQUAL "public")
    return()
  endif()
  floor_index("${floor}" own)
  get_property(other GLOBAL PROPERTY "HEIGHT_${header}")
  if(NOT "${other}" STREQUAL "" AND other GREATER own)
    list(GET FLOORS ${other} target)
    report("${file}: ${include}: ${floor} lies below ${target}, which implements it")
  endif()
endfunction()

function(check_third_party file floor include header)
  foreach(row IN LISTS HOMES)
    string(REGEX REPLACE "=[^=]*$" "" pattern "${row}")
    string(REGEX REPLACE "^.*=" "" homes "${row}")
    if(header MATCHES "^${pattern}$")
      if(NOT " ${homes} " MATCHES " ${floor} ")
        report("${file}: ${include}: its home is ${homes}")
      endif()
      return()
    endif()
  endforeach()
  report("${file}: ${include}: has no home in cmake/CheckLayers.cmake")
endfunction()

function(check_includes file floor)
  includes_of("${file}" includes)
  foreach(include IN LISTS includes)
    string(REGEX REPLACE "[<>\"]" "" path "${include}")
    if(path MATCHES "^shoal/(.*)")
      check_public("${file}" ${floor} "${include}" "${CMAKE_MATCH_1}")
    elseif(include MATCHES "^\"")
      check_own("${file}" ${floor} "${include}" "${path}")
    elseif(NOT path MATCHES "^[a-z0-9_]+$")  # a standard header has neither dot nor slash
      check_third_party("${file}" ${floor} "${include}" "${path}")
    endif()
  endforeach()
endfunction()

separate_arguments(FLOORS)
file(GLOB_RECURSE SOURCES RELATIVE "${LIB}" "${LIB}/src/*.hpp" "${LIB}/src/*.cpp")
file(GLOB_RECURSE PUBLIC RELATIVE "${LIB}" "${LIB}/include/shoal/*.hpp")
place_public_headers()

foreach(file IN LISTS SOURCES)
  string(REGEX MATCH "^src/([^/]+)/" in_floor "${file}")
  set(floor "${CMAKE_MATCH_1}")
  floor_index("${floor}" index)
  if(NOT in_floor OR index EQUAL -1)
    report("${file}: not in a floor")
  else()
    check_includes("${file}" ${floor})
  endif()
endforeach()
foreach(file IN LISTS PUBLIC)
  check_includes("${file}" public)
endforeach()
finish("Includes that the floors do not allow")
