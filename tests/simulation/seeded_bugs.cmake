# SPDX-License-Identifier: Apache-2.0
# Bugs that the simulation has to find. Each is made in a copy of the sources at configure time, so
# that the product has no switch for them; a text that is no longer there stops the configuration.

# plant(<name> <file of lib/src/pool> <text> <replacement> [<set>]): the program simulation_bug_<name>, whose test
# passes when the bug is caught by that set of histories: run_histories, or run_limited_histories.
function(plant name file text replacement)
  set(source "${PROJECT_SOURCE_DIR}/lib/src/pool/${file}")
  set(copy "${CMAKE_CURRENT_BINARY_DIR}/${name}_${file}")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${source}")
  file(READ "${source}" sound)
  string(REPLACE "${text}" "${replacement}" spoilt "${sound}")
  if(spoilt STREQUAL sound)
    message(FATAL_ERROR "tests/simulation/seeded_bugs.cmake: ${file} no longer has the text that "
                        "bug ${name} replaces:\n${text}")
  endif()
  file(CONFIGURE OUTPUT "${copy}" CONTENT "${spoilt}" @ONLY)
  # Its own definitions come before the library's, which is then not looked into for them.
  shoal_test(simulation_bug_${name} SOURCES seeded_bug_test.cpp "${copy}"
             LIBRARIES shoal_simulation TIMEOUT 300)
  set(histories ${ARGN} run_histories)
  list(GET histories 0 histories)
  target_compile_definitions(simulation_bug_${name} PRIVATE SHOAL_SEEDED_BUG=${name}
                                                            SHOAL_SEEDED_SET=${histories})
endfunction()

plant(started_task_runs_again dispatcher.cpp
  "lose(index, hands.pop_back(), end);"
  "requeue(hands.pop_back());")

plant(revoked_tasks_change_places dispatcher.cpp
  "    backlog_.push_front(task);\n"
  "    backlog_.push_back(task);\n")

plant(stall_is_forgotten dispatcher.cpp
  "  prefetched_ -= hands.prefetched() > 0 ? 1 : 0;\n"
  "")

plant(cancelled_task_is_run dispatcher.cpp
  "    if (!take_back(index, task)) {"
  "    if (!port_.take_back(index)) {")

plant(nobody_replaces_the_dead supervisor.cpp
  "if (had_come) return Duration::zero();"
  "if (had_come) return std::nullopt;")

plant(pool_is_broken_too_early supervisor.cpp
  " && ready_ == 0)"
  ")")

plant(what_a_part_leaves_is_forgotten dispatcher_ends.cpp
  "  if (!task.part->is_dropped) return split_off(task, settled);"
  "  if (!task.part->is_dropped) return true;")

plant(element_that_threw_runs_again dispatcher.cpp
  "const std::size_t failed_items = task->part != nullptr && has_error ? 1 : 0;"
  "const std::size_t failed_items = task->part != nullptr && has_error ? 0 : 0;")

plant(time_out_hits_who_is_behind dispatcher_time.cpp
  "  while (hands.prefetched() > 0 && take_back_youngest(index)) continue;\n  if (hands.prefetched() > 0) return false;\n"
  ""
  run_limited_histories)

plant(retry_is_not_counted dispatcher.cpp
  "  ++task->attempt;\n"
  "  task->attempt = 1;\n"
  run_limited_histories)

plant(cancelled_task_begins_elsewhere dispatcher_ends.cpp
  "  if (life.doomed == task->ticket && life.reason == Reason::cancelled) {"
  "  if (life.doomed == 0 && life.reason == Reason::cancelled) {"
  run_limited_histories)

plant(time_out_behind_is_forgotten dispatcher_time.cpp
  "  for (const TaskRef& task : hands_[index].tasks()) {"
  "  for (const TaskRef& task : {hands_[index].tasks().front()}) {"
  run_limited_histories)
