# SPDX-License-Identifier: Apache-2.0
# An hour of each fuzzer, for the nights: label fuzz-long. The first of these tests builds them in build/fuzz.
add_test(NAME fuzz.build COMMAND tools/quietly.sh build/fuzz/build.log cmake --workflow --preset fuzz
         WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
set_tests_properties(fuzz.build PROPERTIES LABELS fuzz-long TIMEOUT 1800 FIXTURES_SETUP fuzzers)

foreach(subject values completions entries boot frames handshake)
  add_test(NAME fuzz.${subject}.hour COMMAND tests/fuzz/run.sh 3600 ${subject}
           WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}")
  set_tests_properties(fuzz.${subject}.hour PROPERTIES LABELS fuzz-long TIMEOUT 4500 FIXTURES_REQUIRED fuzzers)
endforeach()
