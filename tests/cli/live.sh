#!/bin/sh
# The live table, on a terminal that remembers what it was told.
. "$(dirname "$0")/../lib.sh"
. "$root/tests/cli/lib/cli.sh"

screen() {
	perl "$root/tests/cli/lib/screen.pl" "$@" <"$work/typescript" 2>&1
}

# terminal ROWS COLUMNS COMMAND: a command on a terminal of that size, what it wrote into typescript.
terminal() {
	: >"$work/raw"
	command script -qefc "stty rows $1 cols $2; $3" "$work/raw" >/dev/null </dev/null
	code=$?
	sed '1d' "$work/raw" | sed '/^Script done on /d' >"$work/typescript"
	return "$code"
}

fleet <<'F'
fleet: shop
defaults: {provider: fake}
machines:
  db: {}
  web: {count: 2, needs: [db]}
F
script '[{"action":"create","address":"machine.db","delay":350,"progress":["reading a 日本語 disk that has a very long name, longer than there is room on a terminal of eighty columns"]},
	{"action":"create","address":"machine.web-1","delay":150,"fail":{"class":"failed","message":"no space","hint":"make room"}},
	{"action":"create","address":"machine.web-2","delay":350,"progress":["\u001b[2J\u001b]0;title\u0007"]}]'
terminal 24 80 "provision --state-dir $state apply --yes"
is "$?" 3 'a run on a terminal'
is "$(screen 80 | sed '1,/^plan: /d' | steady)" '
machine.db: created (TIME)
machine.db: ready (TIME)
machine.web-1: failed: no space
      make room
machine.web-2: created (TIME)
machine.web-2: ready (TIME)

partly done: 2 created, 1 failed in TIME
  failed   machine.web-1: no space
what is missing, the next run will do' 'at the end nothing of the table is left'
frames=$(screen 80 --frames)
like "$frames" '^  \+ machine\.db      0s  reading a 日本語 disk that has a very long name, longe…$' \
	'a row: sign, address, since when, last line, cut to the terminal'
like "$frames" '^0 of 3 done, 1 running, 0s$' 'a line that counts'
like "$frames" '^  \+ machine\.web-2      0s  \\x1b\[2J\\x1b\]0;title\\x07$' \
	'what a machine says does nothing to the terminal'
like "$frames" '^machine\.db: created \([0-9]*ms\)$' 'finished lines stand above'
# shellcheck disable=SC2016
ok 'a frame is written only when it differs' perl -e '
	my @frames = split /^==\n/m, join "", <STDIN>; shift @frames;
	for (1 .. $#frames) { exit 1 if $frames[$_] eq $frames[$_ - 1]; }
	exit(@frames < 4);' <<F
$frames
F
# shellcheck disable=SC2016
ok 'the cursor is neither hidden nor the terminal switched' \
	sh -c '! grep -q "$(printf "\033")\[?" "$1"' - "$work/typescript"

# Narrow, and more rows than there are lines.
ok 'destroy' p destroy --yes
fleet <<'F'
fleet: shop
defaults: {provider: fake}
machines: {m: {count: 30}}
F
script '[{"action":"create","delay":200}]'
ok 'on a small terminal' terminal 8 40 "provision --state-dir $state apply --yes"
frames=$(screen 40 --frames)
like "$frames" '^  \+ machine\.m-1       0s  creating$' 'the first ones are shown'
like "$frames" '^0 of 30 done, [0-9]+ running, [0-9]+ of them n…$' 'the count says that there are more'
is "$(printf '%s\n' "$frames" | awk '/^==/ { n = 0 } /^  \+ machine\.m-[0-9]+ .*creating$/ { if (++n > most) most = n }
	END { print most }')" 6 'as many rows as there is room'
is "$(screen 40 | grep -c ': ready (')" 30 'all of them in the end'

# A terminal that becomes narrower while the table is up.
ok 'destroy' p destroy --yes
script '[{"action":"create","delay":1500,"progress":["a line that fills seventy columns or so, more than there will be"]}]'
fleet <<'F'
fleet: shop
defaults: {provider: fake}
machines: {a: {}, b: {}}
F
cat >narrow <<'S'
tries=0
while ! grep -q ' of . done' "$1" && [ "$tries" -lt 100 ]; do
	tries=$((tries + 1))
	sleep 0.05
done
stty rows 24 cols 30 </dev/tty
S
ok 'a terminal that becomes narrower' \
	terminal 24 80 "sh narrow $work/raw & provision --state-dir $state apply --yes"
# Each row takes three lines now that the terminal has folded them, the count one.
like "$(tr '\033' '@' <"$work/typescript")" '@\[7A@\[J' 'the folded rows are counted'

# A dumb terminal gets lines.
script '[{"action":"create","progress":["a line that fills seventy columns"]}]'
ok 'destroy' p destroy --yes
ok 'a dumb terminal' terminal 24 80 "TERM=dumb provision --state-dir $state apply --yes"
is "$(grep -c "$(printf '\033')" "$work/typescript")" 0 'gets no escape sequences'
like "$(cat "$work/typescript")" '^machine\.a: a line that fills' 'but plain lines'
done_testing
