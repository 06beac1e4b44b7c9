#!/bin/sh
# status: the machines as they are, in all states that there are.
. "$(dirname "$0")/../lib.sh"
. "$root/tests/cli/lib/cli.sh"

fleet <<'F'
fleet: shop
defaults: {provider: fake}
machines:
  absent: {}
  booting: {}
  broken: {}
  foreign: {}
  left: {memory: 2GiB}
  lost: {}
  off: {state: stopped}
  web: {cpus: 2}
F
run p status
is "$status:$err" '0:' 'before anything is made'
is "$out" 'MACHINE  STATE     PROVIDER
absent   not made  fake
booting  not made  fake
broken   not made  fake
foreign  not made  fake
left     not made  fake
lost     not made  fake
off      not made  fake
web      not made  fake' 'the machines of the file are told'
not_ok 'and nothing is written' test -e "$state"

ok 'apply' p apply --yes
rm "$state/fake/shop/machine.absent.json"
world booting 'del(.up)'
world broken '.partial = "killed in the middle"'
world foreign '.mark.id = "0123"'
world web 'del(.ready)'
sed -i '/left:/d' fleet.yaml
run p status
is "$status:$err" '0:' 'status'
is "$out" 'MACHINE  STATE       SSH                  MEMORY  CPUS  PROVIDER
absent   not made    -                    -       -     fake
booting  not up      10.93.63.218:41209   512MiB  1     fake
broken   incomplete  10.252.106.44:63895  512MiB  1     fake
foreign  not made    -                    -       -     fake
left     ready       10.27.25.238:32780   2GiB    1     fake
lost     ready       10.73.231.15:22428   512MiB  1     fake
off      stopped     10.29.71.83:36389    512MiB  1     fake
web      up          10.163.248.67:42379  512MiB  2     fake' 'each in its state; what left the file is there still'
run p ps --fleet shop
is "$(printf '%s\n' "$out" | sed 1d | cut -d ' ' -f 1 | tr '\n' ' ')" 'booting broken left lost off web ' \
	'by name, what there is is known'
run p status --json
is "$status:$(printf '%s' "$out" | jq -c '[.fleet, (.machines | length)]')" '0:["shop",8]' '--json is JSON'
is "$(printf '%s' "$out" | jq -c '.machines[] | select(.name == "web") |
	[.state, .provider, .up, .ready, .fields.cpus, .outputs.ssh_port]')" \
	'["up","fake",true,false,2,42379]' 'with fields and outputs'
is "$(printf '%s' "$out" | wc -l)" 0 'on one line'

script '[{"call":"list","kind":"machine","fail":{"class":"unavailable","message":"no \u001b[1mroute"}}]'
run p status
is "$status" 4 'what cannot be asked: exit 4'
like "$err" "^provision: warning: provider 'fake' cannot tell all: no .x1b\[1mroute$" 'and says so'
like "$out" '^web +unknown +fake$' 'and nothing is claimed of its machines'
script ''

printf 'machines: {web: {cpus: two' >>fleet.yaml
run p status
is "$status" 65 'a file whose name cannot be read: exit 65'
printf 'fleet: shop\nmachines: {web: {cpus: two, provider: fkae}}\n' >fleet.yaml
run p status
is "$status" 0 'one that is wrong otherwise is good enough'
like "$out" '^web +up ' 'for what is there'
run p status --fleet none
is "$status:$out:$err" "0::fleet 'none' has no machines" 'a fleet that there is not'
run p --color always status --fleet shop
like "$out" "$(printf '\033')\[32mready" 'colour on demand'
done_testing
