#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# quietly.sh is silent about success, and shows everything of a failure with its status.
set -eu
quietly=$1/tools/quietly.sh
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

output=$(sh "$quietly" "$directory/new/log" echo hello)
[ -z "$output" ] || { echo "printed: $output"; exit 1; }
grep -qx hello "$directory/new/log"

status=0
output=$(sh "$quietly" "$directory/log" sh -c 'echo reason >&2; exit 7' 2>&1) || status=$?
[ "$status" -eq 7 ] || { echo "status $status instead of 7"; exit 1; }
echo "$output" | grep -qx reason
