#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check_example.sh accepts what fits and names what does not.
set -eu
check=$1/tests/support/check_example.sh
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"

printf '%s\n' 'sum {n} of [a.b] (c+d)' '' '{*}' 'done' >idea.expected
printf '%s\n' '// SPDX' '' '// Adds.' '//' '//   sum {n} of [a.b] (c+d)' '//' '//   {*}' '//   done' \
  '#include <x>' >good.cpp

# expect <status> <word of the report> <line>…: an example that prints these lines
expect() {
  wanted=$1 word=$2 status=0
  shift 2
  printf '%s\n' "$@" >lines
  printf '#!/bin/sh\ncat "%s/lines"\nexit %s\n' "$directory" "$exit_status" >program
  chmod +x program
  sh "$check" "$directory/program" idea >report 2>&1 || status=$?
  if [ "$status" != "$wanted" ] || { [ -n "$word" ] && ! grep -q -e "$word" report; }; then
    echo "status $status instead of $wanted, or no \"$word\" in:"
    cat report
    exit 1
  fi
}

exit_status=0
cp good.cpp idea.cpp
expect 0 '' 'sum -12.5 of [a.b] (c+d)' '' 'any {thing}; at all' 'done'
expect 0 '' 'sum 7 of [a.b] (c+d)' '' '' 'done'
expect 1 'line 1 is       sum x of' 'sum x of [a.b] (c+d)' '' '' 'done'
expect 1 'line 1 is' 'sum 7 of [aXb] (c+d)' '' '' 'done'
expect 1 'line 4 is       done!' 'sum 7 of [a.b] (c+d)' '' '' 'done!'
expect 1 'missing line 4: done' 'sum 7 of [a.b] (c+d)' '' ''
expect 1 'unexpected line 5: more' 'sum 7 of [a.b] (c+d)' '' '' 'done' 'more'
exit_status=3
expect 1 'exit status 3' 'sum 7 of [a.b] (c+d)' '' '' 'done'

exit_status=0
grep -v 'done' good.cpp >idea.cpp
expect 1 'the first comment does not show idea.expected' 'sum 7 of [a.b] (c+d)' '' '' 'done'
