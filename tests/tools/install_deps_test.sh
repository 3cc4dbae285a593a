#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install-deps.sh on machines that differ in what is installed, offered and allowed: apt and sudo are stand-ins that
# read the files installed, offered, refused and uid, and write what they were asked to do into `calls`.
set -eu
source_tree=$1
machine=$(mktemp -d)
trap 'rm -rf "$machine"' EXIT
export machine
mkdir -p "$machine/bin" "$machine/tools/deps"
cp "$source_tree/tools/install-deps.sh" "$machine/tools"
cat >"$machine/tools/deps/debian.txt" <<'EOF'
# a comment: build: nonsense
build: cmake >= 3.25
build: libboost1.81-dev | libboost-dev >= 1.81
test: libgtest-dev
EOF

stand_in() { { echo '#!/bin/sh'; cat; } >"$machine/bin/$1"; chmod +x "$machine/bin/$1"; }
stand_in dpkg-query <<'EOF'
for package; do :; done
sed -n "s/^$package /installed /p" "$machine/installed"
EOF
stand_in apt-cache <<'EOF'
echo "$2:"
echo "  Candidate: $(sed -n "s/^$2 //p" "$machine/offered")" | sed 's/: $/: (none)/'
EOF
stand_in apt-get <<'EOF'
echo "apt-get $*" >>"$machine/calls"
case "$*" in
  *update) cat "$machine/offered_after_update" >>"$machine/offered" ;;
  *install*) [ ! -e "$machine/refused" ] ;;
esac
EOF
stand_in sudo <<'EOF'
echo "sudo" >>"$machine/calls"
exec "$@"
EOF
stand_in id <<'EOF'
cat "$machine/uid"
EOF

# a_machine <uid> <installed> <offered> <offered after update>: lines "package version", joined by commas.
a_machine() {
  rm -f "$machine/refused"
  : >"$machine/calls"
  echo "$1" >"$machine/uid"
  echo "$2" | tr ',' '\n' >"$machine/installed"
  echo "$3" | tr ',' '\n' >"$machine/offered"
  echo "$4" | tr ',' '\n' >"$machine/offered_after_update"
}

# expect <status> <calls, joined by ;> <groups…>
expect() {
  wanted_status=$1 wanted_calls=$2 status=0
  shift 2
  PATH="$machine/bin:$PATH" sh "$machine/tools/install-deps.sh" "$@" >"$machine/output" 2>&1 || status=$?
  calls=$(paste -s -d ';' "$machine/calls")
  if [ "$status" != "$wanted_status" ] || [ "$calls" != "$wanted_calls" ]; then
    echo "$case: status $status, calls: $calls"
    echo "wanted: status $wanted_status, calls: $wanted_calls"
    cat "$machine/output"
    exit 1
  fi
}

install='apt-get -q install -y --no-remove'
update='apt-get -q update'

case='nothing is done, without root, when all is there'
a_machine 1000 'cmake 3.25.1,libboost1.81-dev 1.81.0' '' ''
expect 0 '' build

case='a newer default Boost is as good as 1.81'
a_machine 0 'cmake 3.28,libboost-dev 1.83.0.1ubuntu2' '' ''
expect 0 '' build

case='an older default Boost is not'
a_machine 0 'cmake 3.28,libboost-dev 1.74.0.3' 'libboost1.81-dev 1.81.0,libboost-dev 1.74.0.3' ''
expect 0 "$install libboost1.81-dev" build

case='the second alternative is taken where the first is not offered'
a_machine 0 'cmake 3.28' 'libboost-dev 1.83.0.2' ''
expect 0 "$install libboost-dev" build

case='only what is missing is installed, of all groups, by sudo if need be'
a_machine 1000 'cmake 3.25.1' 'cmake 3.25.1,libboost1.81-dev 1.81.0,libgtest-dev 1.12' ''
expect 0 "sudo;$install libboost1.81-dev libgtest-dev" build test

case='lists are refreshed when they lack something'
a_machine 0 'cmake 3.25.1' '' 'libboost1.81-dev 1.81.0'
expect 0 "$update;$install libboost1.81-dev" build

case='an old system is told so'
a_machine 0 'cmake 3.18' 'cmake 3.18,libboost-dev 1.74.0' ''
expect 1 "$update" build
grep -q 'apt offers nothing for \[cmake >= 3.25\] \[libboost1.81-dev' "$machine/output"

case='a refusal is tried once more with fresh lists, then explained'
a_machine 0 'cmake 3.25.1' 'libboost1.81-dev 1.81.0' ''
: >"$machine/refused"
expect 1 "$install libboost1.81-dev;$update;$install libboost1.81-dev" build
grep -q 'cannot stand beside libboost1.74-dev' "$machine/output"
