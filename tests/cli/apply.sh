#!/bin/sh
# apply and destroy: who is asked, what is said, how it ends.
. "$(dirname "$0")/../lib.sh"
. "$root/tests/cli/lib/cli.sh"

made() {
	find "$state/fake/shop" -name '*.json' 2>/dev/null | sed 's,.*/machine\.,,; s,\.json$,,' |
		sort | tr '\n' ' '
}

fleet <<'F'
fleet: shop
defaults: {provider: fake}
machines:
  db: {}
  web: {count: 2, needs: [db]}
F

# Nobody to ask.
for command in apply up destroy down; do
	[ "$command" != destroy ] || ok 'apply --yes' p apply --yes
	before=$(made)
	run p "$command" </dev/null
	is "$status:$out" '64:' "$command without a terminal: exit 64"
	name=${command%p}
	case $command in up) name=apply ;; down) name=destroy ;; apply) name=apply ;; esac
	like "$err" "^  'provision $name --yes' does not ask$" "$command says what to do"
	is "$(made)" "$before" 'and nothing was changed'
done
ok 'destroy --yes' p down --yes
is "$(made):$(ls "$state/fleets")" ':' 'nothing of the fleet is left'

# Somebody to ask.
asked() {
	: >"$work/.typescript"
	(
		wait_for 20 grep -q 'y/N' "$work/.typescript"
		printf '%s' "$1"
	) | pty "provision --state-dir $state $2"
}
for answer in 'n
' '
' 'yess
' "$(printf '\004')"; do
	out=$(asked "$answer" apply)
	is "$?" 1 "declined: exit 1"
	like "$out" 'nothing was changed$' 'and says so'
done
is "$(made):$(ls "$state/fleets")" ':' 'nothing was changed'
out=$(asked "$(printf '\003')" apply)
is "$?" 130 'Ctrl-C at the question: exit 130'
is "$(made):$(ls "$state/fleets")" ':' 'nothing was changed and nothing is left'
out=$(asked 'y
' apply)
is "$?" 0 'confirmed: exit 0'
like "$out" '^plan: 3 to create$|3 to create' 'the plan came first'
is "$(made)" 'db web-1 web-2 ' 'and is done'
out=$(asked 'YES
' destroy)
is "$?:$(made)" '0:' 'destroy, confirmed'

# What is said, line by line.
script '[{"call":"change","address":"machine.db","progress":["copying","copying","starting"]},
	{"call":"change","address":"machine.web-1","delay":100},
	{"call":"change","address":"machine.web-2","delay":200},
	{"call":"wait","address":"machine.web-?","until":"up","delay":200,"progress":["a \u001b[2Jbanner"]}]'
run p apply --yes
is "$status:$out" '0:' 'apply: exit 0, nothing on standard output'
is "$(printf '%s\n' "$err" | sed '1,/^plan: /d' | steady)" '
machine.db: creating
machine.db: copying
machine.db: starting
machine.db: created (TIME)
machine.db: waiting
machine.db: ready (TIME)
machine.web-1: creating
machine.web-2: creating
machine.web-1: created (TIME)
machine.web-1: waiting
machine.web-1: a \x1b[2Jbanner
machine.web-2: created (TIME)
machine.web-2: waiting
machine.web-2: a \x1b[2Jbanner
machine.web-1: ready (TIME)
machine.web-2: ready (TIME)

done: 3 created in TIME' 'plain lines'
run p apply --yes
is "$status:$err" "0:nothing to change: fleet 'shop' is as its file says" 'again: nothing'
is "$(made)" 'db web-1 web-2 ' 'all are there'

# Failures.
script '[{"call":"change","address":"machine.db","fail":{"class":"failed","message":"no space","hint":"make room\nand again"}}]'
sed -i 's/db: {}/db: {memory: 1GiB}/; s/needs: \[db\]/needs: [db], cpus: 3/; s/count: 2/count: 3/' fleet.yaml
run p apply --yes
is "$(printf '%s\n' "$err" | sed '1,/^plan: /d' | steady)" '
machine.db: updating
machine.db: failed: no space
      make room
      and again
machine.web-1: skipped: needs machine.db, which failed
machine.web-2: skipped: needs machine.db, which failed
machine.web-3: skipped: needs machine.db, which failed

failed: 1 failed, 3 skipped in TIME
  failed   machine.db: no space
  skipped  machine.web-1: needs machine.db, which failed
  skipped  machine.web-2: needs machine.db, which failed
  skipped  machine.web-3: needs machine.db, which failed
what is missing, the next run will do' 'a failure takes down what needs it'
is "$status" 1 'and nothing was changed: exit 1'
script '[{"call":"change","address":"machine.web-2","fail":{"class":"denied","message":"no"}}]'
run p apply --yes
is "$status" 3 'partly done: exit 3'
like "$err" '^partly done: 1 created, 2 updated, 1 failed in ' 'and says so'
script '[{"call":"change","address":"machine.web-2","quit":true}]'
run p apply --yes
is "$status" 3 'a provider that dies in the act: nobody knows, exit 3'
like "$err" "machine.web-2: failed: provider 'fake' ended unexpectedly: killed by signal 9" 'and says so'
script '[{"call":"read","address":"machine.web-2","fail":{"class":"unavailable","message":"no route"}}]'
run p apply --yes
is "$status" 4 'what cannot be reached: exit 4'
like "$err" 'machine.web-2  unknown: no route' 'and says so'
script ''
ok 'what is missing, the next run does' p apply --yes
run p plan --exit-code
is "$status" 0 'and then nothing is missing'

# The journal decides nothing.
rm -f "$state/fleets/shop/journal.db"*
mkdir "$state/fleets/shop/journal.db"
sed -i 's/cpus: 3/cpus: 4/' fleet.yaml
run p apply --yes
is "$status" 0 'a journal that cannot be written: exit 0'
like "$err" '^provision: warning: the journal cannot be written: ' 'but a warning'
rmdir "$state/fleets/shop/journal.db"

# How to get in.
cat >"$state/fake/kinds.json" <<'K'
{"kinds":[{"name":"machine","machine":true,"fields":[
	{"name":"cpus","type":"integer","default":1},{"name":"memory","type":"size"},
	{"name":"connection","type":"map","computed":true}]}]}
K
cp fleet.yaml "o'ther.yaml"
sed -i 's/fleet: shop/fleet: other/; s/count: 3/count: 1/' "o'ther.yaml"
run p apply --yes "o'ther.yaml"
is "$(printf '%s\n' "$err" | sed '1,/^done: /d')" "  provision ssh --state-dir $state -f 'o'\\''ther.yaml' db
  provision ssh --state-dir $state -f 'o'\\''ther.yaml' web-1" 'ways in are command lines'
ok 'destroy the other' p destroy --yes "o'ther.yaml"
rm "$state/fake/kinds.json"
is "$(made)" 'db web-1 web-2 web-3 ' 'the first is untouched'

# Somebody else acts on the fleet.
script '[{"call":"change","delay":60000}]'
sed -i 's/cpus: 4/cpus: 5/; s/needs: \[db\], //' fleet.yaml
provision --state-dir "$state" apply --yes 2>"$work/first" &
first=$!
own "$first"
ok 'a first apply is under way' wait_for 10 grep -q 'machine.web-1: updating' "$work/first"
for command in 'apply --yes' 'destroy --yes' 'destroy --fleet shop --yes'; do
	# shellcheck disable=SC2086
	run p $command
	is "$status" 5 "$command meanwhile: exit 5"
	like "$err" "^provision: error: fleet 'shop': locked by 'provision apply', process $first, since 20" \
		'names the holder'
done
run p plan
is "$status" 0 'a plan may be made meanwhile'
kill -INT "$first"
ok 'the first interrupt' wait_for 10 grep -q '^provision: interrupted: what runs is finished' "$work/first"
kill -INT "$first"
wait "$first"
is "$?" 130 'the second one cancels: exit 130'
forget "$first"
like "$(cat "$work/first")" '^provision: cancelling what runs' 'and says so'
like "$(cat "$work/first")" '^interrupted: .*failed' 'how it ended'
provision --state-dir "$state" apply --yes 2>"$work/first" &
first=$!
own "$first"
wait_for 10 grep -q 'machine.web-1: updating' "$work/first"
kill -TERM "$first"
wait_for 10 grep -q '^provision: interrupted' "$work/first"
kill -TERM "$first"
wait "$first"
is "$?" 143 'terminated: exit 143'
forget "$first"
script ''
ok 'the lock went with it' p apply --yes

# Destroy by name.
mkdir elsewhere
cd elsewhere || exit 1
run p destroy --yes
is "$status" 64 'no file here'
like "$err" "^  give a file, or '--fleet NAME'; there are: shop$" 'names the fleets that there are'
run p destroy --yes --fleet shop
is "$status" 0 'destroy by name'
like "$err" "^nothing of fleet 'shop' is left$" 'says so'
is "$(made):$(ls "$state/fleets")" ':' 'and so it is'
run p destroy --yes --fleet shop
is "$status" 0 'again: exit 0'
like "$err" "^nothing to delete: fleet 'shop' has nothing$" 'and says so'
is "$(ls "$state/fleets")" '' 'and leaves nothing'
cd ..

# Destroyed even with a file that is wrong, but for its name.
ok 'apply' p apply --yes
sed -i 's/cpus: 5/cpus: five/' fleet.yaml
run p destroy --yes
is "$status:$(made)" '0:' 'destroy with a file that is wrong otherwise'

# The file's providers are asked, even if it was forgotten that they made something.
sed -i 's/cpus: five/cpus: 5/' fleet.yaml
ok 'apply' p apply --yes
rm "$state/fleets/shop/providers.json"
run p destroy --yes
is "$status:$(made):$(ls "$state/fleets")" '0::' 'destroy without providers.json'
printf 'fleet: [\n' >fleet.yaml
run p destroy --yes
is "$status" 65 'no name can be read: exit 65'
done_testing
