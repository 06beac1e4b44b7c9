#!/bin/sh
# From a checkout to a working provision: installs what is missing, builds, then hands over.
#
# usage: build.sh                builds build/provision
#        build.sh test           builds, then runs all tests and the lint
#        build.sh ARGUMENT...    builds, then runs provision with these arguments
set -eu

root=$(cd "$(dirname "$0")" && pwd)
needed='gcc make pkg-config libc6-dev libglib2.0-dev libyaml-dev libjansson-dev libsqlite3-dev
	libssh-dev qemu-system-x86 qemu-utils mmdebstrap e2fsprogs openssh-client util-linux'
# mmdebstrap maps user ids when it is not root.
[ "$(id -u)" -eq 0 ] || needed="$needed uidmap"
for_tests='perl shellcheck clang-format jq busybox-static cpio gzip diffutils iproute2 uidmap'

say() {
	echo "build.sh: $*" >&2
}

# Runs a command, showing what it prints only when it fails.
quietly() {
	log=$(mktemp)
	code=0
	"$@" >"$log" 2>&1 </dev/null || code=$?
	[ "$code" -eq 0 ] || cat "$log" >&2
	rm -f "$log"
	return "$code"
}

apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

# The packages of the list that are not installed, on one line.
missing() {
	for package in "$@"; do
		dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null |
			grep -qx installed || printf ' %s' "$package"
	done
}

# The first try goes without an update: it costs seconds, and mostly the lists are good.
install_packages() {
	apt install --no-install-recommends "$@" >/dev/null 2>&1 ||
		{ quietly apt update && quietly apt install --no-install-recommends "$@"; }
}

provide() {
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		say "no apt here; needed under their Debian names:" "$@"
		return 0
	fi
	lacking=$(missing "$@")
	[ -n "$lacking" ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		say "packages are missing; run this, then try again:"
		echo "sudo apt-get install -y --no-install-recommends$lacking" >&2
		exit 69
	fi
	say "installing$lacking"
	# shellcheck disable=SC2086
	install_packages $lacking || { say "cannot install$lacking"; exit 69; }
}

# Two that build at once in one checkout take turns.
build() {
	mkdir -p "$root/build"
	quietly flock "$root/build/.lock" make -C "$root" -j"$(nproc)" ||
		{ say "the build failed"; exit 1; }
}

# Runs one part of the tests, keeping what prove says in a file for the sum.
part() {
	say "$*"
	{
		code=0
		"$@" 2>&1 || code=$?
		echo "$code" >"$results/status"
	} | tee -a "$results/log"
	[ "$(cat "$results/status")" -eq 0 ] || failed="$failed '$*'"
}

run_tests() {
	results=$(mktemp -d)
	trap 'rm -rf "$results"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	failed=
	cd "$root"
	part make -s -j"$(nproc)" check
	part tests/run.sh lint build
	if [ "$(id -u)" -eq 0 ]; then
		# The guests of the live tests are made of packages: apt must know where they are.
		apt-cache show linux-image-cloud-amd64 >/dev/null 2>&1 || quietly apt update || :
		part make -s check-live
	else
		say "not root: the live tests are left out"
	fi
	sum=$(sed -n 's/^Files=\([0-9]*\), Tests=\([0-9]*\),.*/\1 \2/p' "$results/log" |
		awk '{ files += $1; tests += $2 } END { print tests + 0 " tests in " files + 0 " files" }')
	if [ -n "$failed" ]; then
		echo "failed:$failed, of $sum"
		exit 1
	fi
	echo "passed: $sum"
}

if [ "${1-}" = test ]; then
	# shellcheck disable=SC2086
	provide $needed $for_tests
	build
	run_tests
	exit 0
fi
# shellcheck disable=SC2086
provide $needed
build
[ $# -gt 0 ] || exit 0
exec "$root/build/provision" "$@"
