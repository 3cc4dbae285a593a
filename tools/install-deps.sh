#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install-deps.sh <group>…: installs what is missing of these groups of deps/debian.txt, and nothing else.
set -eu
list=$(dirname "$0")/deps/debian.txt

say() { echo "install-deps: $*"; }
installed_version() { dpkg-query -W -f '${db:Status-Status} ${Version}' "$1" 2>/dev/null | sed -n 's/^installed //p'; }
offered_version() { apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -v '(none)' || true; }

# first_of <version command> <alternatives>: the first alternative that has a version, and a good one.
first_of() {
  echo "$2" | tr '|' '\n' | while read -r package relation minimum; do
    version=$("$1" "$package")
    [ -n "$version" ] || continue
    if [ -z "$relation" ] || dpkg --compare-versions "$version" ge "$minimum"; then
      echo "$package"
      break
    fi
  done
}

# find_missing <group>…: fills `missing` with packages to install and `unknown` with needs that apt cannot meet.
find_missing() {
  missing='' unknown=''
  for group in "$@"; do
    while read -r need; do
      [ -z "$(first_of installed_version "$need")" ] || continue
      package=$(first_of offered_version "$need")
      if [ -n "$package" ]; then missing="$missing $package"; else unknown="$unknown [$need]"; fi
    done <<EOF
$(sed -n "s/^$group: *//p" "$list")
EOF
  done
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@" </dev/null; else sudo "$@"; fi
}
refresh_lists() { say "refreshing apt's lists"; as_root apt-get -q update >/dev/null; }
# --no-remove: libboost1.81-dev conflicts with libboost1.74-dev, and removing packages is not ours to decide.
# shellcheck disable=SC2086  # the words of $missing are separate packages
install_missing() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-remove $missing; }

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  say "no apt-get here: taking for granted what $list names"
  exit 0
fi

find_missing "$@"
[ -n "$missing$unknown" ] || exit 0
if [ "$(id -u)" -ne 0 ] && ! command -v sudo >/dev/null; then
  say "missing:$missing$unknown; run this as root, or install them yourself" >&2
  exit 1
fi
if [ -n "$unknown" ]; then
  refresh_lists
  find_missing "$@"
  [ -z "$unknown" ] || { say "apt offers nothing for$unknown: Debian 12, Ubuntu 24.04 or newer is needed" >&2; exit 1; }
fi
say "installing$missing"
if ! install_missing && ! { refresh_lists && install_missing; }; then
  say "apt-get refused (its reason is above). libboost1.81-dev cannot stand beside libboost1.74-dev:" >&2
  say "if that is the reason and nothing of yours needs 1.74, run: apt-get install$missing" >&2
  exit 1
fi
