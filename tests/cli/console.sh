#!/bin/sh
# console: into a machine's serial console and out again, on a terminal and without one.
. "$(dirname "$0")/../lib.sh"
. "$root/tests/cli/lib/cli.sh"

# A path that is too long for the address of a socket.
state=$work/$(printf '%0100d' 0)/state
folder=$state/fleets/shop/machines/web
fleet <<'F'
fleet: shop
defaults: {provider: fake}
machines: {web: {}, off: {state: stopped}, db: {}}
F
ok 'apply' p apply --yes
world web '.outputs.console = "fleets/shop/machines/web/console.sock" |
	.outputs.console_log = "fleets/shop/machines/web/console.log"'
mkdir -p "$folder"
run p console web
is "$status:$err" "1:provision: error: console of machine 'web': nobody listens at '$folder/console.sock'
  the machine does not run: provision status" 'nobody listens'
perl "$root/tests/cli/lib/serve.pl" "$folder" console.sock &
server=$!
own "$server"
ok 'somebody listens' wait_for 10 test -S "$folder/console.sock"

printf 'one\ntwo\n' >input
run p console web <input
is "$status:$err" '0:' 'without a terminal: exit 0, nothing is said beside'
is "$out" "$(printf 'hello\r\n<ONE>\r\n<TWO>\r')" 'input goes in, output comes out'
printf 'bye\nmore\n' >input
run p console web <input
is "$status:$out" "0:$(printf 'hello\r\n<BYE>\r')" 'it ends with the other end'
run p console web </dev/null
is "$status:$out" "0:$(printf 'hello\r')" 'and with its input'

# The log: its end, without what would do something to a terminal.
awk 'BEGIN { for (i = 0; i < 1000; i++) print "line " i }' >"$folder/console.log"
printf '\033[2J\033]0;title\007\033(B\033[0;1;32m[  OK  ]\033[0m a\tb\r\nlogin\001\377: ' >>"$folder/console.log"
run p console web </dev/null
is "$(printf '%s\n' "$out" | tail -n 3)" "$(printf 'line 999\n[  OK  ] a b\nlogin\\xff: hello\r')" 'the log comes first'
is "$(printf '%s\n' "$out" | head -n 1 | grep -c '^line [0-9]*$')" 1 'from the start of a line'
is "$(printf '%s\n' "$out" | wc -l | awk '{ print ($1 < 500) }')" 1 'but only its end'
rm "$folder/console.log"
ln -s /etc/passwd "$folder/console.log"
run p console web </dev/null
is "$out" "$(printf 'hello\r')" 'a log that is a link is not followed'
rm "$folder/console.log"

# On a terminal: raw, until Ctrl-].
typed() {
	(
		wait_for 10 grep -q hello "$work/.typescript"
		printf 'ls\r'
		wait_for 10 grep -q '<LS>' "$work/.typescript"
		printf '\003x\r'
		wait_for 10 grep -q 'X>' "$work/.typescript"
		printf '%s' "$1"
	) | pty "provision --state-dir $state console web; echo code \$?; stty -a"
}
: >"$work/.typescript"
out=$(typed "$(printf 'left \035not sent')")
like "$out" "^console of machine 'web'; Ctrl-] leaves it$" 'says how to leave'
like "$out" "$(printf '<\003X>')" 'Ctrl-C is for the machine'
like "$out" '^left the console$' 'Ctrl-] leaves'
like "$out" '^code 0$' 'with exit 0'
like "$out" ' icanon .*iexten echo ' 'and the terminal is as it was'
unlike "$out" 'NOT SENT|-echo ' 'what was typed behind it is not sent'
: >"$work/.typescript"
out=$(
	(
		wait_for 10 grep -q hello "$work/.typescript"
		printf 'bye\r'
		sleep 0.2
	) | pty "provision --state-dir $state console web; echo code \$?; stty -a"
)
like "$out" '^code 0$' 'the other end hangs up: exit 0'
like "$out" ' icanon ' 'and the terminal is as it was'
# The signal comes from beside: the terminal sends none while it is raw.
: >"$work/.typescript"
cat >console <<'S'
echo $$ >pid
exec provision --state-dir "$1" console web
S
out=$(
	(
		wait_for 10 grep -q hello "$work/.typescript"
		kill -TERM "$(cat pid)"
		sleep 0.2
	) | pty "sh console $state; echo code \$?; stty -a"
)
like "$out" '^code 143$' 'SIGTERM: exit 143'
like "$out" ' icanon ' 'and the terminal is as it was'

# What cannot be.
run p console db
is "$status:$err" "1:provision: error: machine 'db': it has no console" 'no console'
run p console off
is "$status:$err" "1:provision: error: machine 'off': it is stopped
  'provision apply' starts it, unless its file says 'state: stopped'" 'a machine that is stopped'
run p console wbe
is "$status:$err" "1:provision: error: fleet 'shop' has no machine 'wbe'
  did you mean 'web'?" 'a misspelt machine'
for bad in '"/etc/x"' '"a/../../x"' '""'; do
	world db ".outputs.console = $bad"
	run p console db
	is "$status:$err" "1:provision: error: machine 'db': it has no console" "refused: $bad"
done
done_testing
