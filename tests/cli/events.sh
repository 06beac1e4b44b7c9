#!/bin/sh
# apply --json, destroy --json: what happens as lines of JSON.
. "$(dirname "$0")/../lib.sh"
. "$root/tests/cli/lib/cli.sh"

# The events of $out, one a line, without what differs each time.
events() {
	printf '%s\n' "$out" | jq -r '[.event, .address, .action, .until, .text, .error.class,
		.error.message, (.fields // [] | join(",")), (.actions // {} | tojson)]
		| map(select(. != null and . != "" and . != "{}")) | join(" ")'
}

# Every line is whole, of this version, and later than the one before.
sound() {
	printf '%s\n' "$out" | jq -es 'all(.[]; .version == 1 and (.event | type) == "string" and
		(.time | type) == "number") and ([.[].time] | . == sort)' >/dev/null
}

fleet <<'F'
fleet: shop
machines:
  a: {provider: fake}
resources:
  x: {provider: fake, kind: record, text: "${machine.a.address}"}
F
mkdir -p "$state/fake"
echo '{"rules":[{"call": "change", "kind": "record", "times": 1, "fail":
	{"class": "denied", "message": "it may not\u001b[31m"}}]}' >"$state/fake/script.json"
run p apply --yes --json --parallel 1
is "$status" 3 'the exit code is that without the option'
ok 'each line is sound' sound
is "$(events)" 'plan {"create":2}
step_planned machine.a create
step_planned machine.a wait up
step_planned machine.a wait ready
step_planned record.x create
run_started
step_started machine.a create
step_done machine.a create
step_started machine.a wait up
step_done machine.a wait up
step_started machine.a wait ready
step_done machine.a wait ready
step_started record.x create
step_failed record.x create denied record.x: it may not\x1b[31m
run_ended {"create":1}' 'what happened' || diag "$out"
like "$err" '^partly done: 1 created, 1 failed' 'people read what they always do'
is "$(printf '%s\n' "$out" | jq -r 'select(.event == "run_ended") | "\(.done) \(.failed) \(.skipped)"')" \
	'1 1 0' 'totals'
is "$(printf '%s\n' "$out" | jq -r 'select(.run) | .run' | sort -u | grep -c .)" 1 'one run'

run p apply --yes --json
is "$status" 0 'the second run'
run p apply --yes --json
is "$(events)" 'plan' 'with nothing to do there is a plan and no run'

fleet <<'F'
fleet: shop
machines:
  a: {provider: fake, memory: 1GiB}
F
run p apply --json
is "$status" 64 'without a terminal it wants --yes all the same'
is "$(events)" 'plan {"update":1,"delete":1}
step_planned machine.a update memory
step_planned machine.a wait up
step_planned machine.a wait ready
step_planned record.x delete' 'and nothing was started'

echo '{"rules":[]}' >"$state/fake/script.json"
ok 'a reader that has read enough' sh -c '"$@" | head -n 1 >/dev/null' - \
	"$BUILD/provision" --state-dir "$state" apply --yes --json
run p plan --exit-code
is "$status" 0 'ends no run'

run p destroy --yes --json
is "$status" 0 'destroy'
ok 'each line is sound' sound
is "$(events)" 'plan {"delete":1}
step_planned machine.a delete
run_started
step_started machine.a delete
step_done machine.a delete
run_ended {"delete":1}' 'what was destroyed'
done_testing
