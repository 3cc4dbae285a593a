#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_example.sh <program> <idea>: runs an example in a fresh directory and holds it to <idea>.expected, where {n}
# stands for any number and a line {*} for any line. The same lines must stand in the first comment of <idea>.cpp,
# each as "//   line", so that page and program cannot drift apart.
set -eu
program=$1 idea=$2
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT

awk '
  FNR == NR { expected[++count] = $0; next }
  /^$/ { next }
  !/^\/\// { exit }
  { line = substr($0, 6)  # past "//   "
    matched = (line == expected[matched + 1]) ? matched + 1 : (line == expected[1]) ? 1 : 0
    if (matched == count) { found = 1; exit } }
  END { if (!found) { print FILENAME ": the first comment does not show " ARGV[1]; exit 1 } }
' "$idea.expected" "$idea.cpp"

status=0
(cd "$directory" && "$program" > stdout) || status=$?
if [ "$status" -ne 0 ]; then
  cat "$directory/stdout"
  echo "$program: exit status $status" >&2
  exit 1
fi

awk '
  function pattern(line) {
    if (line == "{*}") return ".*"
    gsub(/[][\\.^$*+?(){}|]/, "\\\\&", line)
    gsub(/\\{n\\}/, "[-+]?[0-9]+([.][0-9]+)?", line)
    return line
  }
  FNR == NR { expected[++count] = $0; next }
  { if (FNR > count) { print "unexpected line " FNR ": " $0; bad = 1 }
    else if ($0 !~ "^" pattern(expected[FNR]) "$") {
      print "line " FNR " is       " $0; print "       expected " expected[FNR]; bad = 1 }
    lines = FNR }
  END { for (i = lines + 1; i <= count; ++i) { print "missing line " i ": " expected[i]; bad = 1 }
        exit bad }
' "$idea.expected" "$directory/stdout"
