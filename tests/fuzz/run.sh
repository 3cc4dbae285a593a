#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tests/fuzz/run.sh <seconds> [subject…]: runs each of the fuzzers that tools/fuzz.sh has built for so long, two on a CPU
# at a time, from the corpus beside this file, and prints what each has done. Fails if one of them found something:
# the input is then in build/fuzz/found. What they add to the corpus stays in build/fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")/../.."

readonly seconds=${1:?how many seconds each}
shift
subjects=("$@")
[ ${#subjects[@]} -gt 0 ] || subjects=(values completions entries boot frames handshake)
readonly out=build/fuzz

# No input is longer than 4 KiB; nothing that one leads to may ask for more than 16 MiB at once, last ten seconds, or
# make the process grow beyond 1 GiB.
run_one() {
  local subject=$1 status=0
  mkdir -p "$out/corpus/$subject" "$out/found"
  "$out/tests/fuzz/fuzz_$subject" -max_total_time="$seconds" -max_len=4096 -malloc_limit_mb=16 -rss_limit_mb=1024 \
      -timeout=10 -print_final_stats=1 -artifact_prefix="$out/found/$subject-" \
      "$out/corpus/$subject" "tests/fuzz/corpus/$subject" >"$out/$subject.log" 2>&1 || status=$?
  awk -v subject="$subject" -v status="$status" '
    / cov: / { for (i = 1; i < NF; ++i) if ($i == "cov:") coverage = $(i + 1) }
    /number_of_executed_units/ { units = $2 }
    /average_exec_per_sec/ { rate = $2 }
    END { printf "%-12s %12d executions, %6d a second, %5d edges: %s\n", subject, units, rate, coverage,
                 status == 0 ? "nothing found" : "FAILED" }' "$out/$subject.log"
  if [ "$status" -ne 0 ]; then
    tail -n 60 "$out/$subject.log"
    return 1
  fi
}
export -f run_one
export seconds out

printf '%s\n' "${subjects[@]}" | xargs -P "$((2 * $(nproc)))" -I{} bash -c 'run_one {}'
