#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# pkg_config.sh <installed libdir> <compiler> <source> <program> [flags…]: builds and runs a program as shoal.pc says.
set -eu
libdir=$1 compiler=$2 source=$3 program=$4
shift 4
export PKG_CONFIG_PATH="$libdir/pkgconfig"
pkg-config --exists --print-errors 'shoal >= 0.1'
# shellcheck disable=SC2046  # the words are separate flags
"$compiler" -std=c++20 "$@" "$source" -o "$program" $(pkg-config --cflags --libs shoal) "-Wl,-rpath,$libdir"
exec "$program"
