#!/bin/sh
# Runs the benchmarks and prints a row for each figure: what, measured, limit, unit, verdict.
#
# usage: run.sh [NAME...]     bench_NAME.sh; without a name all of them
set -eu

cd "$(dirname "$0")"
if [ $# -eq 0 ]; then
	for file in bench_*.sh; do
		[ ! -e "$file" ] || set -- "$@" "$file"
	done
	[ $# -gt 0 ] || { echo "$0: there are no benchmarks" >&2; exit 1; }
else
	for name; do
		shift
		[ -e "bench_$name.sh" ] || { echo "$0: there is no benchmark '$name'" >&2; exit 64; }
		set -- "$@" "bench_$name.sh"
	done
fi
printf '%-44s %10s %8s %-6s %s\n' what measured limit unit verdict
failed=0
for file; do
	"./$file" || { failed=1; echo "$0: $file: over a limit, or broken" >&2; }
done
exit "$failed"
