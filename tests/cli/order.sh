#!/bin/sh
# What becomes of the rest of a fleet when a part of it fails or cannot be read.
. "$(dirname "$0")/../lib.sh"
. "$root/tests/cli/lib/cli.sh"

made() {
	find "$state/fake/shop" -name 'machine.*.json' 2>/dev/null |
		sed 's,.*/machine\.,,; s,\.json$,,' | sort | tr '\n' ' '
}

write() {
	fleet <<F
fleet: shop
defaults: {provider: fake}
machines:
  app: {needs: [web], cpus: $1}
  db: {cpus: $2}
  mail: {cpus: $3}
  web: {needs: [db]}
F
}

# A failure takes down what needs it, and nothing else.
write 1 1 1
script '[{"call":"wait","address":"machine.web","until":"ready","fail":{"class":"failed","message":"no"}}]'
run p apply --yes
is "$status:$(made)" '3:db mail web ' 'what does not need what failed is made'
like "$err" 'machine.app: skipped.* needs machine.web, which failed' 'what needs it is skipped'
script ''
run p apply --yes
is "$status:$(made)" '0:app db mail web ' 'the next run goes on where this one ended'
ok 'and the plan is empty' p plan --exit-code

# What is there as it should be stays, whatever becomes of what it needs.
write 2 2 2
script '[{"call":"change","address":"machine.db","fail":{"class":"failed","message":"no"}}]'
run p apply --yes
is "$status" 3 'db fails'
like "$err" '^machine.app: updated' 'app needs web alone, and web is there'
like "$err" '^machine.mail: updated' 'mail needs nothing'

# What cannot be read is unknown, and holds back only what needs it itself.
write 3 2 3
script '[{"call":"read","address":"machine.web","fail":{"class":"unavailable","message":"no route"}}]'
run p plan
like "$out" '\? +machine.web +unknown: no route' 'web is unknown'
like "$out" '\? +machine.app +unknown: depends on machine.web, which is unknown' 'app is held back'
like "$out" '~ +machine.mail +update' 'mail is not'
run p apply --yes
like "$err" '^machine.mail: updated' 'mail is changed'
unlike "$err" '^machine.app: updat' 'app is not'
isnt "$status" 0 'and it is no success'

# Nothing is deleted that something unknown may still depend on.
script '[{"call":"list","fail":{"class":"unavailable","message":"no route"}}]'
run p destroy --yes
isnt "$status" 0 'destroy without a list is no success'
is "$(made)" 'app db mail web ' 'and deletes nothing'
script ''
run p destroy --yes
is "$status:$(made):$(ls "$state/fleets")" '0::' 'destroy'
done_testing
