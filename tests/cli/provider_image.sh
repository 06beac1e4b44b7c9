#!/bin/sh
# Files become images of the store, through the real provider program.
. "$(dirname "$0")/../lib.sh"
. "$root/tests/provider.sh"

program=$BUILD/providers/provider-image
state=$work/state
files=$work/files
mkdir "$state" "$files"

# read_image FIELDS, make_image FIELDS: $status_ is what came of it, $key the image's key.
read_image() {
	ask "$program" "$state" read "{\"kind\":\"image\",\"name\":\"a\",\"desired\":$1}"
	_take
}

make_image() {
	ask "$program" "$state" change \
		"{\"kind\":\"image\",\"name\":\"a\",\"action\":\"create\",\"after\":$1}"
	_take
}

_take() {
	found=$(answered .status)
	key=$(answered '.outputs.key // empty')
	error=$(answered '.error // empty | .class + ": " + .message')
}

in_store() {
	find "$state/images" -mindepth 1 ! -name .digests.json -printf '%P %m %s\n' | sort
}

head -c 3000000 /dev/urandom >"$files/disk.raw"
truncate -s 8M "$files/disk.raw"
echo kernel >"$files/vmlinuz"
echo initrd >"$files/initrd.img"
whole="{\"file\":\"$files/disk.raw\",\"kernel\":\"$files/vmlinuz\",
	\"initrd\":\"$files/initrd.img\",\"cmdline\":\"root=/dev/vda\",\"login\":false}"

umask 000
read_image "$whole"
is "$found" absent "an image that is not there is absent"
like "$key" '^sha256-[0-9a-f]{64}$' "and its key is known beforehand"
is "$(answered .outputs.size)" $((8 * 1048576)) "as is its size"
before=$key
make_image "$whole"
is "$found" changed "it is made"
is "$key" "$before" "under that key"
is "$(in_store)" "$key 700 4096
$key/disk 600 $((8 * 1048576))
$key/image.json 600 $(stat -c %s "$state/images/$key/image.json")
$key/initrd 644 7
$key/kernel 644 7" "nothing else is in the store, and nobody else may look"
ok "the disk is the file" cmp "$files/disk.raw" "$state/images/$key/disk"
ok "holes are kept" test "$(stat -c %b "$state/images/$key/disk")" -le "$((3100000 / 512))"
like "$(jq -c '[.disk_format, .disk_size, .kernel, .initrd, .cmdline, .login]' \
	"$state/images/$key/image.json")" \
	'^\["raw",8388608,true,true,"root=/dev/vda",false\]$' "image.json describes it"
read_image "$whole"
is "$found" present "then it is present"
is "$(answered .actual.login)" false "with the fields that were asked for"
is "$(answered .outputs.digest)" "$(jq -r .digest "$state/images/$key/image.json")" \
	"and its digest"
incarnation=$(answered .incarnation)
make_image "$whole"
is "$found $(answered .incarnation) $error" "changed $incarnation " \
	"making what somebody else has made meanwhile is finding it"

mv "$files/disk.raw" "$files/moved.raw"
read_image "$(echo "$whole" | sed 's/disk.raw/moved.raw/')"
is "$found $key" "present $before" "a file that was moved is the same image"
read_image "$whole"
like "$error" "^config: file: cannot open '$files/disk.raw': No such file" \
	"a missing file is an error of the fleet file that names it"
echo more >>"$files/moved.raw"
read_image "$(echo "$whole" | sed 's/disk.raw/moved.raw/')"
is "$found" absent "a file that was written to is another image"
isnt "$key" "$before" "under another key"

# Headers that name other files: 3 MiB of nothing behind them.
header() {
	printf 'QFI\373\000\000\000\003' >"$files/$1"
	printf %b "$2" | dd of="$files/$1" bs=1 seek=8 conv=notrunc status=none
	printf '\000\000\000\020\000\000\000\000\000\020\000\000' |
		dd of="$files/$1" bs=1 seek=20 conv=notrunc status=none
	printf '\000\000\000\150' | dd of="$files/$1" bs=1 seek=100 conv=notrunc status=none
	truncate -s 3M "$files/$1"
}
header good.qcow2 '\0000'
header backed.qcow2 '\0000\0000\0000\0000\0000\0000\0002\0000\0000\0000\0000\0013'
make_image "{\"file\":\"$files/good.qcow2\"}"
is "$found $(jq -c '[.disk_format, .disk_size]' "$state/images/$key/image.json")" \
	'changed ["qcow2",1048576]' "a qcow2 image is taken in by its header's size"
for call in read_image make_image; do
	$call "{\"file\":\"$files/backed.qcow2\"}"
	like "$error" "^config: file: '.*': it names a backing file$" "$call: one on another file is refused"
done

mkdir "$state/images/.new-left" "$state/images/.new-held"
echo half >"$state/images/.new-left/disk"
echo half >"$state/images/.new-held/disk"
flock -F "$state/images/.new-held" sleep 60 &
own $!
wait_for 5 sh -c "! flock -n '$state/images/.new-held' true"
make_image "{\"kernel\":\"$files/vmlinuz\"}"
is "$found" changed "a kernel alone is an image"
not_ok "what a killed build left is removed by the next" test -e "$state/images/.new-left"
ok "what is being built is not" test -e "$state/images/.new-held/disk"
rm -r "$state/images/.new-held"

# Two at once make it once.
fields="{\"kernel\":\"$files/initrd.img\"}"
object="{\"kind\":\"image\",\"name\":\"a\",\"action\":\"create\",\"after\":$fields}"
read_image "$fields"
shared=$key
echo "fleet 'other'" >"$state/images/.lock-$key"
flock -F "$state/images/.lock-$key" sleep 60 &
holder=$!
own "$holder"
wait_for 5 sh -c "! flock -n '$state/images/.lock-$key' true"
ask_start "$program" "$state" change "$object"
wait_for 10 told "waiting: locked by fleet 'other'"
ok "one who makes the same is waited for, and named" told "waiting: locked by fleet 'other'"
kill "$holder"
ask_end
is "$(answered .status)" changed "until the lock is free"

: >"$state/images/.lock-$shared"
read_image "$fields"
not_ok "a lock that a killed one has left goes when its image is read" \
	test -e "$state/images/.lock-$shared"

rm "$state/images/$shared/kernel"
read_image "$fields"
like "$error" "^failed: image '$shared': its file 'kernel' is gone" "a damaged image is named"
like "$(answered .error.hint)" "^remove '.*/images/$shared'" "with what to do"
rm "$state/images/$shared/image.json"
make_image "$fields"
like "$error" "^failed: image '$shared': cannot open '.*/image.json'" \
	"one that has lost its description is found before it is made, not after"
like "$(answered .error.hint)" "^remove '.*/images/$shared'" "with the same to do"

ask "$program" "$state" change '{"kind":"image","name":"a","action":"delete","expect":"1"}'
_take
like "$error" '^internal: ' "no image is ever deleted by a plan"
ask "$program" "$work/no/such" read "{\"kind\":\"image\",\"name\":\"a\",\"desired\":{\"bootstrap\":{}}}"
_take
is "$found" absent "reading needs no state directory"
not_ok "and makes none" test -e "$work/no"

is "$("$program" --schema | jq -c '.kinds[0] // . | [.name, .lists, .machine]' 2>/dev/null | head -1)" \
	'["image",false,false]' "the kind is a cache that is never listed"
is "$(in_store | sed -n 's/^\(\.[^ ]*\).*/\1/p')" "" "no lock and no rest is left"
done_testing
