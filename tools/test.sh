#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."

everything=no
groups='build test bench'
case "${1-}" in
  '') ;;
  --all) everything=yes groups="$groups fuzz" ;;
  --help|-h)
    cat <<'EOF'
usage: tools/test.sh [--all]
Installs what the tests need (tools/deps/debian.txt; apt asks for sudo only if something is missing), builds everything in
build/dev and runs the default tests; --all adds the long ones (labels stress-long, big and fuzz-long), some three hours
on two CPUs.
By hand: cmake --workflow --preset dev
EOF
    exit 0 ;;
  *) echo "test.sh: unknown argument $1; see --help" >&2; exit 2 ;;
esac

# shellcheck disable=SC2086  # the words of $groups are separate arguments
tools/install-deps.sh $groups
echo "test.sh: building in build/dev (log: build/dev/build.log)"
tools/quietly.sh build/dev/configure.log cmake --preset dev
tools/quietly.sh build/dev/build.log cmake --build --preset dev
if [ "$everything" = yes ]; then
  exec ctest --test-dir build/dev --output-on-failure --no-tests=error --parallel "$(nproc)"
fi
exec ctest --preset dev --parallel "$(nproc)"
