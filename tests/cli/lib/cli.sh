# What the tests of the command line share: a state directory, a folder with a fleet file, and the
# world of the provider 'fake', which is files. Sourced after lib.sh.
#
#   p ARGUMENT...          provision with this test's state directory
#   fleet                  writes fleet.yaml from standard input
#   script RULES           what the fake provider shall do: a JSON list of rules; "" for none
#   world MACHINE FILTER   edits a machine of fleet 'shop' as the fake provider keeps it, with jq
#   steady                 filters times out of a text
#   pty COMMAND            a line of shell on a terminal of 80 by 24; its output without CR
# shellcheck shell=sh

# shellcheck disable=SC2154
state=$work/state
mkdir -p "$work/here"
cd "$work/here" || exit 1
PATH=$BUILD:$PATH
TERM=xterm
export PATH TERM
unset COLUMNS LINES

p() {
	provision --state-dir "$state" "$@"
}

fleet() {
	cat >fleet.yaml
}

script() {
	mkdir -p "$state/fake"
	if [ -n "$1" ]; then
		printf '{"rules":%s}\n' "$1" >"$state/fake/script.json"
	else
		rm -f "$state/fake/script.json"
	fi
}

world() {
	file=$state/fake/shop/machine.$1.json
	jq -c "$2" "$file" >"$work/.world" && cat "$work/.world" >"$file"
}

steady() {
	sed -E 's/[0-9]+(\.[0-9]+)?(ms|s)\b/TIME/g'
}

pty() {
	command script -qefc "stty rows 24 cols 80; $1" "$work/.typescript" >/dev/null
	code=$?
	sed -e '1d' -e 's/\r//g' "$work/.typescript" | sed -e '/^Script done on /d'
	return "$code"
}
