#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tools/fuzz.sh [seconds]: builds the fuzzers with clang in build/fuzz, and runs each for so long (60).
set -euo pipefail
cd "$(dirname "$0")/.."

./tools/install-deps.sh build fuzz
echo "== fuzzers: building in build/fuzz"
tools/quietly.sh build/fuzz/build.log cmake --workflow --preset fuzz
tests/fuzz/run.sh "${1:-60}"
