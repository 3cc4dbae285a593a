#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
set -eu
cd "$(dirname "$0")/.."

case "${1-}" in
  '') ;;
  --help|-h)
    cat <<'EOF'
usage: tools/quickstart.sh
Installs what shoal needs to build (tools/deps/debian.txt; apt asks for sudo only if something is missing), builds it in
build/release and runs the demonstration: Mandelbrot and a prime count, serial and on a pool, with a worker killed on
purpose half-way. By hand: cmake --preset release && cmake --build --preset release --target shoal-quickstart
EOF
    exit 0 ;;
  *) echo "quickstart.sh: unknown argument $1; see --help" >&2; exit 2 ;;
esac

tools/install-deps.sh build
echo "quickstart: building in build/release (about a minute the first time; log: build/release/quickstart.log)"
tools/quietly.sh build/release/configure.log cmake --preset release
tools/quietly.sh build/release/quickstart.log cmake --build --preset release --target shoal-quickstart
exec build/release/tools/quickstart/shoal-quickstart 1200 build/release/mandelbrot.ppm
