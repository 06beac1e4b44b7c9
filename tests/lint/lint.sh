#!/bin/sh
# Checks what no compiler does: sizes, include directions, forbidden calls and words, formatting.
#
# usage: lint.sh [--tap] [DIRECTORY]
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tap=
if [ "${1-}" = --tap ]; then
	tap=1
	shift
fi
cd "${1:-$here/../..}"
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
number=0 failed=0

for tool in clang-format shellcheck; do
	command -v "$tool" >/dev/null ||
		{ echo "lint.sh: $tool is missing: apt-get install $tool" >&2; exit 69; }
done

# All files of the tree but what is built, in a git checkout those that git does not ignore.
if [ -e .git ]; then
	git ls-files -co --exclude-standard | while read -r file; do
		[ ! -f "$file" ] || echo "$file"
	done
else
	find . \( -path ./build -o -path ./.git \) -prune -o -type f -print | sed 's,^\./,,'
fi | sort >"$place/all"
grep -E '\.[ch]$' "$place/all" >"$place/sources" || :
while read -r file; do
	case $file in
	*.sh) echo "$file" ;;
	*.[ch]) ;;
	*) ! head -n 1 "$file" | grep -aqx '#! */bin/sh.*' || echo "$file" ;;
	esac
done <"$place/all" >"$place/scripts"

# Runs a command over the files of a list, 100 at a time; none is no error.
over() {
	list=$1
	shift
	[ ! -s "$place/$list" ] || tr '\n' '\0' <"$place/$list" | xargs -0 -n 100 "$@"
}

over sources awk -f "$here/source.awk" >"$place/found"

rule() {
	sed -n "s/^$1 //p" "$place/found"
}

rule_words() {
	# Split, so that this file does not say them.
	words='TO''DO|FIX''ME|X''XX'
	over all grep -nIwE "$words" /dev/null | sed 's/\([^:]*:[^:]*\):.*/\1: a word for unfinished work/'
}

rule_format() {
	over sources clang-format --dry-run -Werror 2>&1 | grep -E '^[^ ].*: (error|warning):' || :
}

# SC2317: functions here are mostly called through others (ok, wait_for), which it cannot see.
rule_shell() {
	over scripts shellcheck -e SC2317 -f gcc -x -P SCRIPTDIR 2>&1 || :
}

rule_blanks() {
	grep -E '\.([ch]|sh|md|awk)$|(^|/)Makefile$' "$place/all" >"$place/texts" || :
	grep -E '^(examples|templates)/.*\.ya?ml$' "$place/all" >"$place/yaml" || :
	over texts awk '/[ \t]$/ { print FILENAME ":" FNR ": blanks at the end of the line" }'
	over sources awk '/^  +/ { print FILENAME ":" FNR ": indented by blanks, not tabs" }'
	over yaml awk '/\t/ { print FILENAME ":" FNR ": a tab" }'
}

report() {
	number=$((number + 1))
	if [ ! -s "$place/breaches" ]; then
		[ -z "$tap" ] || echo "ok $number - $1"
		return 0
	fi
	failed=$((failed + 1))
	if [ -n "$tap" ]; then
		echo "not ok $number - $1"
		sed 's/^/# /' "$place/breaches" >&2
	else
		sed "s/\$/ [$1]/" "$place/breaches" >&2
	fi
}

for name in sizes includes places calls; do
	rule "$name" >"$place/breaches"
	report "$name"
done
for name in words format shell blanks; do
	"rule_$name" >"$place/breaches"
	report "$name"
done
[ -z "$tap" ] || echo "1..$number"

median=$(sed -n 's/^length //p' "$place/found" | sort -n |
	awk '{ all[NR] = $1 } END { print NR " functions, median " (NR ? all[int((NR + 1) / 2)] : 0) " lines" }')
start='lint:'
[ -z "$tap" ] || start='#'
echo "$start $(wc -l <"$place/all") files, $median"
[ "$failed" -eq 0 ]
