#!/bin/sh
# The printed plan, to the letter, and the exit codes of plan.
. "$(dirname "$0")/../lib.sh"
. "$root/tests/cli/lib/cli.sh"

# planned CODE NAME: what plan prints is as on standard input.
planned() {
	run p plan --exit-code
	is "$status:$err" "$1:" "$2: exit $1, nothing on standard error"
	is "$out" "$(cat)" "$2"
}

cat >all.yaml <<'F'
fleet: shop
defaults: {provider: fake}
machines:
  db:
    cpus: 2
    memory: 1GiB
    image: debian-12
    tags: {role: database, note: "two\nlines"}
  old: {keys: [a]}
  slow: {}
  web:
    count: 2
    needs: [db]
    user: www
    keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEabcdefghijklmnopqrstuvwxyz012345678 a", b]
    tags: {db: "${machine.db.address}"}
F
cp all.yaml fleet.yaml
planned 2 'everything is to be made' <<'T'
  + machine.db     create: is not there
      image:    debian-12
      cpus:     2
      memory:   1GiB
      tags:     {role: database, note: "two\nlines"}
      defaults: disk 2GiB, state running, user root

  + machine.old    create: is not there
      keys:     [a]
      defaults: cpus 1, memory 512MiB, disk 2GiB, state running, user root

  + machine.slow   create: is not there
      defaults: cpus 1, memory 512MiB, disk 2GiB, state running, user root

  + machine.web-1  create: is not there
      user:     www
      keys:     [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEabcdefghijklmnopqrstuvwxyz012345678 a, b]
      tags:     {db: (known after machine.db)}
      defaults: cpus 1, memory 512MiB, disk 2GiB, state running

  + machine.web-2  create: is not there
      user:     www
      keys:     [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEabcdefghijklmnopqrstuvwxyz012345678 a, b]
      tags:     {db: (known after machine.db)}
      defaults: cpus 1, memory 512MiB, disk 2GiB, state running

plan: 5 to create
T
run p plan
is "$status" 0 'without --exit-code a plan that could be made is a success'
run p plan all.yaml
first=$out
run p plan all.yaml
is "$out" "$first" 'the same input, the same plan'

ok 'apply' p apply --yes
planned 0 'nothing is to be done' <<'T'
nothing to change: fleet 'shop' is as its file says
T
rm -f "$state/fleets/shop/journal.db"*
planned 0 'nor when the journal is gone' <<'T'
nothing to change: fleet 'shop' is as its file says
T
run p plan -v
is "$out" "  = machine.db     as it should be

  = machine.old    as it should be

  = machine.slow   as it should be

  = machine.web-1  as it should be

  = machine.web-2  as it should be

nothing to change: fleet 'shop' is as its file says" '-v shows what stays'

cat >fleet.yaml <<'F'
fleet: shop
defaults: {provider: fake}
machines:
  db:
    memory: 2GiB
    image: debian-12
    tags: {role: database, note: "one line now", of: "a longer text, so that it takes a line"}
  new: {}
  slow: {}
  web:
    count: 2
    needs: [db]
    user: admin
    disk: 3GiB
    keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEabcdefghijklmnopqrstuvwxyz012345678 a", c, b]
F
world slow 'del(.up)'
planned 2 'a plan of everything' <<'T'
  ~ machine.db     update: changed, takes effect by a restart
      cpus:   2 → 1 (reboot; no longer in the file: back to its default)
      memory: 1GiB → 2GiB (reboot)
      tags:
        - note: "two\nlines"
        + note: one line now
        + of: "a longer text, so that it takes a line"

  + machine.new    create: is not there
      defaults: cpus 1, memory 512MiB, disk 2GiB, state running, user root

  - machine.old    delete: is no longer in the file

  > machine.slow   wait until it is up and ready: it has not been seen up since it started

-/+ machine.web-1  replace: a changed field cannot be changed in place
      disk: 2GiB → 3GiB (reboot)
      user: www → admin (replaces)
      keys:
        + c
      tags: {db: 10.7.38.50} → (unset) (no longer in the file: back to its default)

-/+ machine.web-2  replace: a changed field cannot be changed in place
      disk: 2GiB → 3GiB (reboot)
      user: www → admin (replaces)
      keys:
        + c
      tags: {db: 10.7.38.50} → (unset) (no longer in the file: back to its default)

plan: 1 to create, 1 to update, 2 to replace, 1 to delete, 1 to wait for
T
world slow '.up = .boot | del(.ready)'
world db '.partial = "killed while it was made"'
cp all.yaml fleet.yaml
planned 2 'what was made in part, and a probe' <<'T'
-/+ machine.db     replace: incomplete: killed while it was made

  > machine.slow   wait until it is ready: it has not been seen ready since it started

  ~ machine.web-1  update: changed
      tags: {db: 10.7.38.50} → {db: (known after machine.db)}

  ~ machine.web-2  update: changed
      tags: {db: 10.7.38.50} → {db: (known after machine.db)}

plan: 2 to update, 1 to replace, 1 to wait for
T
world slow '.ready = .boot'
world db 'del(.partial)'

script '[{"call":"read","address":"machine.db","fail":{"class":"unavailable","message":"no \u001b[31mroute","hint":"is the host up?"}}]'
planned 4 'what cannot be read' <<'T'
  ? machine.db     unknown: no \x1b[31mroute
        is the host up?

  ? machine.web-1  unknown: depends on machine.db, which is unknown

  ? machine.web-2  unknown: depends on machine.db, which is unknown

plan: 3 unknown
T
sed -i 's/slow: {}/slow: {cpus: 3}/' fleet.yaml
planned 2 'what cannot be read, and something to do' <<'T'
  ? machine.db     unknown: no \x1b[31mroute
        is the host up?

  ~ machine.slow   update: changed, takes effect by a restart
      cpus: 1 → 3 (reboot)

  ? machine.web-1  unknown: depends on machine.db, which is unknown

  ? machine.web-2  unknown: depends on machine.db, which is unknown

plan: 1 to update, 3 unknown
T
cp all.yaml fleet.yaml
sed -i '/old:/d' fleet.yaml
script '[{"call":"list","kind":"machine","incomplete":true}]'
planned 4 'a list that is not complete deletes nothing' <<'T'
  ? machine.old  unknown: is no longer in the file, but the list of what is there is not complete: its provider could not see everything

  ? machine of provider 'fake'  unknown: its provider could not see everything
        nothing of this kind is created or deleted before that is settled

plan: 1 unknown
T
script ''
cp all.yaml fleet.yaml
world old '.mark.id = "0123"'
planned 1 'what is not ours' <<'T'
  ! machine.old  conflict: it belongs to fleet 'shop' with id 0123

plan: 1 in conflict
T
world old '.mark.id = null'
run p apply --yes
is "$status:$out" '1:' 'apply refuses a conflict'
like "$err" '^provision: error: nothing was changed: machine.old: it bears no mark of a fleet$' 'and says which'

# Secrets and kinds of one's own.
cat >"$state/fake/kinds.json" <<'K'
{"kinds":[
  {"name":"account","fields":[
    {"name":"password","type":"string","sensitive":true},
    {"name":"limits","type":"map","fields":[{"name":"time","type":"duration","default":90000},
      {"name":"pin","type":"string","sensitive":true}]},
    {"name":"shells","type":"list","change":"replace","default":["/bin/sh"]}]}]}
K
cat >fleet.yaml <<'F'
fleet: vault
resources:
  joe: {provider: fake, kind: account, password: "hunter2", limits: {pin: "4711"}}
  "spa ce": {provider: fake, kind: thing, anything: [1, {a: true}]}
machines:
  a:
    provider: fake
    resources: {joe: {provider: fake, kind: account, password: "hunter3"}}
F
planned 2 'a secret is not shown' <<'T'
  + account.joe            create: is not there
      password: (secret)
      limits:   {pin: (secret)}
      defaults: shells [/bin/sh]

  + machine.a              create: is not there
      defaults: cpus 1, memory 512MiB, disk 2GiB, state running, user root
  + machine.a/account:joe  create: its machine is new
      password: (secret)
      defaults: shells [/bin/sh]

  + thing.spa ce           create: is not there
      anything: [1, {a: true}]

plan: 4 to create
T
ok 'apply' p apply --yes
sed -i 's/hunter/trapper/; s/4711/4712/' fleet.yaml
planned 2 'nor when it changes' <<'T'
  ~ account.joe            update: changed
      password: (secret) → (secret)
      limits:   {pin: (secret)} → {pin: (secret)}

  ~ machine.a/account:joe  update: changed
      password: (secret) → (secret)

plan: 2 to update
T

# Nothing of a file reaches the terminal as it is.
cat >escapes.yaml <<'F'
fleet: escapes
resources:
  a: {provider: fake, kind: thing, "f\e[31m": {"k\e[32m": "v\e[33m", z: "0123456789 0123456789 0123456789"}}
F
run p plan escapes.yaml
is "$out" '  + thing.a  create: is not there
      f\x1b[31m: {"k\u001b[32m": "v\u001b[33m", z: 0123456789 0123456789 0123456789}

plan: 1 to create' 'escapes in a plan'
ok 'apply' p apply --yes escapes.yaml
sed -i 's/: "v/: "w/' escapes.yaml
run p plan escapes.yaml
is "$out" '  ~ thing.a  update: changed
      f\x1b[31m:
        - k\x1b[32m: "v\u001b[33m"
        + k\x1b[32m: "w\u001b[33m"

plan: 1 to update' 'escapes in a change'

# Colour.
run p --color=always plan
like "$out" "^$(printf '\033')\[33m  ~" 'colour on demand'
plain=$(printf '%s' "$out" | sed "s/$(printf '\033')\[[0-9]*m//g")
run p plan
is "$out" "$plain" 'colour changes nothing else'
unlike "$out" "$(printf '\033')" 'no colour where there is no terminal'
terminal() {
	pty "$1 provision --state-dir $state plan $2"
}
like "$(terminal '' '')" "$(printf '\033')" 'colour on a terminal'
unlike "$(terminal 'NO_COLOR=1' '')" "$(printf '\033')" 'NO_COLOR'
like "$(terminal 'NO_COLOR=' '')" "$(printf '\033')" 'an empty NO_COLOR is none'
unlike "$(terminal 'TERM=dumb' '')" "$(printf '\033')" 'a dumb terminal'
unlike "$(terminal '' '--color never')" "$(printf '\033')" '--color never'
like "$(terminal 'NO_COLOR=1' '--color always')" "$(printf '\033')" '--color beats NO_COLOR'

# What the state cannot be read for is not taken for absent.
mkdir -p "$work/odd"
: >"$work/odd/fleets"
for command in plan status 'apply --yes'; do
	# shellcheck disable=SC2086
	run provision --state-dir "$work/odd" $command
	is "$status:$out" '1:' "$command with a state that cannot be read"
	like "$err" "^provision: error: .*cannot open '$work/odd/fleets/vault/fleet.json': Not a directory" \
		'says why'
	like "$err" "^  '--state-dir DIR' or PROVISION_STATE_DIR choose another place$" 'and what to do'
done

# What a provider alone can tell of the file.
script '[{"call":"read","fail":{"class":"config","message":"no such port","hint":"write another"}}]'
run p plan
is "$status" 65 'a mistake of the file that its provider sees: exit 65'
run p apply --yes
is "$status" 65 'for apply as well'
like "$err" '^provision: error: fleet.yaml:[0-9]+:[0-9]+: nothing was changed: .*: no such port$' 'with its place'
script ''

# Providers that take their time.
script '[{"call":"list","delay":2200}]'
like "$(terminal '' '')" '^provision: asking the providers what is there$' 'a terminal is told what is waited for'
script ''

# A state that is damaged, and things of a provider that is no longer here.
damaged() {
	printf '%s\n' "$2" >"$state/fleets/vault/$1"
	run p plan
	is "$status" 1 "$1 with '$2': exit 1"
	like "$err" "^provision: error: '$state/fleets/vault/$1' is damaged: " 'says so'
}
rm -rf "$state/fleets/vault"
mkdir -p "$state/fleets/vault"
damaged providers.json 'no JSON'
damaged providers.json '[]'
damaged providers.json '{}'
damaged providers.json '{"providers":[{}]}'
rm "$state/fleets/vault/providers.json"
damaged fleet.json '{"name":"vault"}'
echo '{"id":"0123456789abcdef0123456789abcdef"}' >"$state/fleets/vault/fleet.json"
echo '{"providers":[{"provider":"xen"}]}' >"$state/fleets/vault/providers.json"
run p plan
is "$status" 69 'a provider that is gone: exit 69'
like "$err" "^provision: error: what provider 'xen' made for fleet 'vault' cannot be looked up: there is no" \
	'says why it is asked for'
done_testing
