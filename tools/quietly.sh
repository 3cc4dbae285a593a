#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# quietly.sh <log> <command…>: runs the command with its output in the log, which is shown only if it fails.
set -eu
log=$1
shift
mkdir -p "$(dirname "$log")"
status=0
"$@" >"$log" 2>&1 </dev/null || status=$?
if [ "$status" -ne 0 ]; then
  cat "$log"
  echo "failed with status $status: $*" >&2
fi
exit "$status"
