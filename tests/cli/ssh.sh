#!/bin/sh
# ssh: what OpenSSH's client is told, to the word.
# shellcheck disable=SC2016,SC1003
. "$(dirname "$0")/../lib.sh"
. "$root/tests/cli/lib/cli.sh"

# A client that tells how it was called, runs the command as the machine's shell would, and fails.
mkdir "$work/bin"
cat >"$work/bin/ssh" <<'S'
#!/bin/sh
{
	pwd
	for word; do
		printf '%s\n' "$word"
	done
} >"$SSH_SAID"
while [ "$1" != -- ]; do
	shift
done
shift 2
[ $# -gt 0 ] || exit 7
[ $# -eq 1 ] || exit 99
exec sh -c "$1"
S
chmod +x "$work/bin/ssh"
PATH=$work/bin:$PATH
SSH_SAID=$work/said
export SSH_SAID

fleet <<'F'
fleet: shop
defaults: {provider: fake}
machines: {web: {count: 2}, off: {state: stopped}, db: {}}
F
run p ssh web-1
is "$status:$err" "1:provision: error: fleet 'shop' has no machine 'web-1'
  it is in the file, but not made yet: provision apply" 'before it is made'
ok 'apply' p apply --yes
world web-1 '.outputs.connection = {type: "ssh", address: "127.0.0.1", port: 2222, user: "root",
	identity: "fleets/shop/login_ed25519", known_hosts: "fleets/shop/machines/web-1/known_hosts",
	host_key_alias: "web-1"}'

run p ssh web-1
is "$status:$out$err" '7:' 'the exit code is that of ssh, and nothing is said beside'
is "$(cat "$work/said")" "$state
-F
none
-o
IdentityFile=fleets/shop/login_ed25519
-o
IdentitiesOnly=yes
-o
IdentityAgent=none
-o
PreferredAuthentications=publickey
-o
BatchMode=yes
-o
UserKnownHostsFile=fleets/shop/machines/web-1/known_hosts
-o
GlobalKnownHostsFile=/dev/null
-o
StrictHostKeyChecking=yes
-o
HostKeyAlias=web-1
-o
UpdateHostKeys=no
-o
KexAlgorithms=^curve25519-sha256
-o
ConnectTimeout=30
-o
ServerAliveInterval=15
-o
ServerAliveCountMax=3
-o
Port=2222
-o
User=root
--
127.0.0.1" 'what ssh is told'
if [ -x /usr/bin/ssh ]; then
	ok 'the real one understands it' sh -c 'cd "$1" && sed "1d; s/^--$/-G\n--/" "$2" | xargs /usr/bin/ssh >"$3"' \
		- "$state" "$work/said" "$work/understood"
	is "$(grep -E '^(user|port|identityfile|userknownhostsfile|stricthostkeychecking|hostkeyalias) ' "$work/understood" |
		sort)" 'hostkeyalias web-1
identityfile fleets/shop/login_ed25519
port 2222
stricthostkeychecking true
user root
userknownhostsfile fleets/shop/machines/web-1/known_hosts' 'as it is meant'
else
	skip 'the real one understands it' 'no ssh here'
	skip 'as it is meant' 'no ssh here'
fi

run p ssh web-1 -- printf '<%s>' 'a b' '' "it's" '$HOME' '*' '\' '-n'
is "$status:$out" "0:<a b><><it's><\$HOME><*><\\><-n>" 'several words arrive as these words'
run p ssh web-1 printf '<%s>' -v --help 'x;y'
is "$out" '<-v><--help><x;y>' 'also without --: what follows is not ours'
run p ssh web-1 -- 'echo a; echo b | tr b c; exit 3'
is "$status:$out" '3:a
c' 'one word is a line for the shell'
run p ssh web-1 -- --
is "$(tail -n 1 "$work/said")" '--' 'a -- behind -- is a word'
run p ssh -t web-1 -- id
is "$(sed -n '/^-t$/,$p' "$work/said")" '-t
--
127.0.0.1
id' '-t'
run p ssh -v web-1 -- true
is "$err" "$(printf 'cd '"'%s'"' && ' "$state")$(printf "'ssh' ")$(sed 1d "$work/said" | sed "s/.*/'&'/" | paste -sd ' ')" \
	'-v shows the command line'
run p ssh --fleet shop web-1
is "$status" 7 'by the name of the fleet'
mkdir -p 'a $(b) %h'
rm -f "$work/said"
state2="$work/here/a \$(b) %h"
cp -R "$state/." "$state2/"
run provision --state-dir "$state2" ssh web-1
is "$(head -n 1 "$work/said"):$(grep -c -F '$(b)' "$work/said")" "$state2:1" \
	'a state directory with a strange name is nowhere but in the working folder'

rm -f "$work/said"
run p ssh wbe-1
is "$status:$err" "1:provision: error: fleet 'shop' has no machine 'wbe-1'
  did you mean 'web-1'?" 'a misspelt machine'
run p ssh zzz
is "$status:$err" "1:provision: error: fleet 'shop' has no machine 'zzz'
  there are: db, off, web-1, web-2" 'a machine that there is not'
run p ssh -- -oProxyCommand=id
is "$status:$err" "1:provision: error: fleet 'shop' has no machine '-oProxyCommand=id'
  there are: db, off, web-1, web-2" 'a name that starts like an option'
run p ssh ../shop
is "$status" 1 'a name that is a path'
run p ssh off
is "$status:$err" "1:provision: error: machine 'off': it is stopped
  'provision apply' starts it, unless its file says 'state: stopped'" 'a machine that is stopped'
run p ssh db
is "$status:$err" "1:provision: error: machine 'db': it cannot be logged in to by ssh" 'one without ssh'
run p ssh --fleet none web-1
is "$status:$err" "1:provision: error: fleet 'none' has no machine 'web-1'
  the fleet has no machines; 'provision apply' makes them" 'a fleet that there is not'
for bad in '.address = "-oProxyCommand=id"' '.address = "a b"' '.user = "-l"' '.user = null' '.port = 0' \
	'.port = 70000' '.identity = "/etc/x"' '.identity = "../x"' '.known_hosts = "a b"' \
	'.known_hosts = "%h"' '.host_key_alias = "a\nb"'; do
	world db ".outputs.connection = {type: \"ssh\", address: \"127.0.0.1\", port: 22, user: \"root\",
		identity: \"i\", known_hosts: \"k\", host_key_alias: \"db\"}"
	world db ".outputs.connection$bad"
	run p ssh db
	is "$status:$err" "1:provision: error: machine 'db': its provider 'fake' tells a way in that makes no sense" \
		"refused: $bad"
done
script '[{"call":"read","address":"machine.web-1","fail":{"class":"unavailable","message":"no \u001b[2Jroute","hint":"is\u0007 it\nup?"}}]'
run p ssh web-1
is "$status:$err" "4:provision: error: machine 'web-1': no \\x1b[2Jroute
  is\\x07 it
  up?" 'a host that cannot be asked: exit 4'
script ''
not_ok 'in none of these was ssh started' test -e "$work/said"
run /usr/bin/env PATH=/nowhere "$BUILD/provision" --state-dir "$state" ssh web-1
is "$status:$err" "69:provision: error: there is no program 'ssh' here
  install openssh-client" 'no ssh here: exit 69'
done_testing
