#!/bin/sh
# The command line itself: what is wrong usage, what help says, where things are written.
. "$(dirname "$0")/../lib.sh"
. "$root/tests/cli/lib/cli.sh"

# refused NAME MESSAGE HINT... -- ARGUMENT...
refused() {
	name=$1
	want="provision: error: $2"
	shift 2
	while [ "$1" != -- ]; do
		want="$want
  $1"
		shift
	done
	shift
	run provision "$@"
	is "$status: $err$out" "64: $want" "$name"
}

refused 'an unknown command' "there is no command 'aply'" "did you mean 'apply'?" \
	"see 'provision help'" -- aply
refused 'another name is suggested too' "there is no command 'dwn'" "did you mean 'down'?" \
	"see 'provision help'" -- dwn
refused 'nothing alike' "there is no command 'xyzzyx'" "see 'provision help'" -- xyzzyx
refused 'an escape in a command' "there is no command '\\x1b[31m'" "see 'provision help'" \
	-- "$(printf '\033[31m')"
refused 'an unknown option' "'plan' has no option '--exit-cod'" "did you mean '--exit-code'?" \
	"see 'provision help plan'" -- plan --exit-cod
refused 'an option of another command' "'plan' has no option '--yes'" "see 'provision help plan'" \
	-- plan --yes
refused 'an unknown letter' "'apply' has no option '-q'" "see 'provision help apply'" -- apply -q
refused 'an option before the command' "there is no option '--yes' before the command" \
	"see 'provision help'" -- --yes apply
refused 'an option without its value' "'--state-dir' needs a value: DIR" \
	"see 'provision help plan'" -- plan --state-dir
refused 'an empty value' "'--state-dir' needs a value: DIR" "see 'provision help plan'" \
	-- plan --state-dir=
refused 'a value for a flag' "'--yes' takes no value" "see 'provision help apply'" -- apply --yes=no
refused 'a value that is none of the choices' "'--color' cannot be 'sometimes'" \
	'it is one of: auto, always, never' "see 'provision help plan'" -- plan --color sometimes
refused 'two files' "'plan' takes one FILE alone, not 'b.yaml' as well" \
	"see 'provision help plan'" -- plan a.yaml b.yaml
refused 'something for a command that takes nothing' "'version' takes nothing, not 'x'" \
	"see 'provision help version'" -- version x
refused 'no machine' "'ssh' needs a MACHINE" "see 'provision help ssh'" -- ssh
refused 'no machine but words' "'ssh' needs a MACHINE" "see 'provision help ssh'" -- ssh --
refused 'a file and a name' "give a file or '--fleet', not both" "see 'provision help destroy'" \
	-- destroy --fleet shop x.yaml
refused 'an option file and a name' "give '--file' or '--fleet', not both" \
	"see 'provision help ssh'" -- ssh --fleet shop -f x.yaml web
refused 'help for what is no command' "there is no command 'plam'" "did you mean 'plan'?" \
	"see 'provision help'" -- help plam
refused 'no file here' "there is no 'fleet.yaml' in this folder" \
	'give a file: provision plan FILE' -- plan
refused 'no file of that name' "there is no file 'no.yaml'" -- apply no.yaml
refused 'a name that no fleet can have' "'Shop' cannot be a fleet's name" \
	'names are of lower-case letters, digits and dashes' -- status --fleet Shop

refused 'the file by an option' "'plan' has no option '-f'" \
	'the file needs no option: provision plan FILE' "see 'provision help plan'" -- plan -f x.yaml
refused 'the option that others have' "'apply' has no option '--auto-approve'" "did you mean '--yes'?" \
	"see 'provision help apply'" -- up --auto-approve
: >fleet.yml
refused 'another ending' "there is no 'fleet.yaml' in this folder" \
	"there is 'fleet.yml': give it, or name it 'fleet.yaml'" -- apply
rm fleet.yml

run provision
is "$status:$out" '64:' 'nothing said: exit 64, nothing on standard output'
like "$err" '^usage: provision' 'and the help on standard error'
run provision help
is "$status:$err" '0:' 'help: exit 0, nothing on standard error'
ok 'it fits into 80 columns' awk 'length > 80 { bad = 1 } END { exit bad }' "$work/.out"
run provision --help
is "$status" 0 '--help alone'
for command in validate plan apply destroy status ssh console version help; do
	run provision help "$command"
	like "$out" "^usage: provision $command" "help $command"
	ok "help $command fits into 80 columns" awk 'length > 80 { bad = 1 } END { exit bad }' "$work/.out"
	again=$out
	run provision "$command" --help
	is "$status:$out" "0:$again" "$command --help is the same"
done
run provision help up
like "$out" '^usage: provision apply' 'other names are explained as what they are'
run provision -h plan --bad
is "$status" 0 'help comes before what is wrong behind it'
run provision version
is "$status:$out:$err" '0:provision 0.1.0:' 'version'
run provision --version
is "$status:$out" '0:provision 0.1.0' '--version'

# Options anywhere.
fleet <<'F'
fleet: shop
machines: {a: {provider: fake}}
F
for line in '--state-dir=S validate' 'validate --state-dir S' 'validate fleet.yaml --state-dir=S' \
	'-v validate -- fleet.yaml' '--color never validate'; do
	# shellcheck disable=SC2086
	run provision $line
	is "$status:$err" '0:' "provision $line"
done
run provision validate -- --state-dir
is "$status:$err" "64:provision: error: there is no file '--state-dir'" 'nothing behind -- is an option'

# Installed anywhere.
mkdir -p "$work/usr/bin" "$work/usr/libexec/provision"
cp "$BUILD/provision" "$work/usr/bin"
cp "$BUILD/providers/provider-fake" "$work/usr/libexec/provision"
run env -u PROVISION_PROVIDER_PATH "$work/usr/bin/provision" validate
is "$status:$err" '0:' 'an installed one finds its providers'

# Standard output that cannot be written.
run sh -c 'provision version >/dev/full'
is "$status:$err" '1:provision: error: cannot write to standard output: No space left on device' \
	'a full disk'
run sh -c 'provision version >&-'
is "$status:$err" '1:provision: error: cannot write to standard output: Bad file descriptor' \
	'standard output closed'
run sh -c 'provision help 2>&-'
is "$status" 0 'standard error closed'
run sh -c 'provision validate <&- >out 2>err'
is "$status:$(cat out)" "0:fleet.yaml: fleet 'shop' is valid: 1 machine" 'standard input closed'
# A pipe whose reader has gone before anything is written.
# shellcheck disable=SC2016
unread='pipe R, W; close R; open STDOUT, ">&W"; open STDERR, ">&W" if shift; exec @ARGV'
run perl -e "$unread" 0 provision help
is "$status:$err" '1:' 'nobody reads standard output: exit 1 without a word'
run perl -e "$unread" 1 provision --state-dir S apply --yes
is "$status" 0 'nobody reads standard error: the run goes on'
run provision --state-dir S plan --exit-code
is "$status" 0 'to its end'
done_testing
