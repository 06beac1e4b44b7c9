#!/bin/sh
# validate: what is wrong with a file, all of it at once. Files and what is said of them lie in errors/.
. "$(dirname "$0")/../lib.sh"
. "$root/tests/cli/lib/cli.sh"

cd "$root/tests/cli/errors" || exit 1
for file in *.yaml; do
	run p validate "$file"
	is "$out" '' "$file: nothing on standard output"
	is "$err" "$(cat "${file%.yaml}.txt")" "$file"
	is "$status" 65 "$file: exit 65"
done
cd "$work/here" || exit 1

fleet <<'F'
fleet: shop
images:
  base: {bootstrap: {release: bookworm}}
resources:
  lab: {provider: fake, kind: network}
  inner: {provider: fake, kind: network}
machines:
  web: {provider: fake, count: 2, resources: {motd: {provider: fake, kind: file}}}
F
run p validate
is "$status:$out$err" "0:fleet.yaml: fleet 'shop' is valid: 2 machines, 1 image, 2 networks" \
	'a file without mistakes'
run p validate "$PWD/fleet.yaml"
is "$out" "$PWD/fleet.yaml: fleet 'shop' is valid: 2 machines, 1 image, 2 networks" \
	'the file is named as it was given'
not_ok 'and nothing is written' test -e "$state"

sed 's/fake/fkae/' fleet.yaml >wrong.yaml
for command in plan 'apply --yes'; do
	# shellcheck disable=SC2086
	run p $command wrong.yaml
	is "$status:$out" '65:' "$command of a wrong file: exit 65"
	like "$err" "^wrong.yaml:[0-9]*:[0-9]*: error: there is no provider 'fkae'" "$command says why"
done
not_ok 'and leaves nothing of the fleet' test -e "$state/fleets/shop"
run p apply --yes "$root/tests/cli/errors/fleet_name.yaml"
is "$status" 65 'a name that would lead out of the state directory'
is "$(find "$state" -name '*.json' 2>/dev/null)" '' 'makes nothing there'

run p --color always validate wrong.yaml
like "$err" "$(printf '\033')\[" 'colour on demand'
run p validate wrong.yaml
unlike "$err" "$(printf '\033')" 'none where there is no terminal'
PROVISION_PROVIDER_PATH=$work/none
export PROVISION_PROVIDER_PATH
mkdir "$work/none"
printf '#!/bin/sh\nexit 3\n' >"$work/none/provider-fake"
chmod +x "$work/none/provider-fake"
run p validate
like "$err" "provider 'fake' ended unexpectedly: exit code 3" 'a provider that does not start'
like "$err" '^provision: error: fleet.yaml:8:19: ' 'is told with the place that names it'
is "$status" 4 'but is not a mistake of the file: exit 4'
cat >"$work/none/provider-fake" <<'S'
#!/bin/sh
read -r line
printf '{"id":1,"error":{"class":"missing","message":"no \\u001b[2Jlibrary","hint":"install\\u0007 it"},"done":true}\n'
read -r line
S
run p validate
unlike "$err" "$(printf '\033')|$(printf '\007')" 'what a provider says does nothing to the terminal'
like "$err" 'no .x1b\[2Jlibrary' 'but is told'
is "$status" 69 'what this host lacks: exit 69'
done_testing
