#!/bin/sh
# Every input of the public YAML test suite gives a value, or a refusal with a place: no crash, no
# hang. YAML_TEST_SUITE names its folder (its branch "data"); without it, this is skipped.
#
# What differs from the suite is listed in differences.txt: what is refused on purpose (tags, keys
# that are no strings, several documents) and what libyaml is known to read otherwise.
. "$(dirname "$0")/../lib.sh"

[ -n "${YAML_TEST_SUITE:-}" ] || skip_all "YAML_TEST_SUITE names no folder"
[ -d "$YAML_TEST_SUITE" ] || bail_out "YAML_TEST_SUITE: '$YAML_TEST_SUITE' is no folder"
list=$root/tests/yaml/differences.txt

cd "$YAML_TEST_SUITE" || exit 1
find . -name in.yaml | sed 's,^\./,,' | sort >"$work/files"
xargs "$BUILD/tests/tool_yaml" <"$work/files" >"$work/said" 2>"$work/errors"
status=$?
is "$(cat "$work/errors")" "" "no complaint of a sanitizer"
is "$status" 0 "no crash and no hang (the last line tells where: $(tail -n 1 "$work/said"))"
is "$(wc -l <"$work/said")" "$(wc -l <"$work/files")" "one outcome for each file"
unlike "$(cat "$work/said")" 'no place|neither value|cannot be read' "each refusal has a place"

# "ID: outcome", without the message and without what is as the suite wants it.
sed -E 's,/in\.yaml: ,: ,; s/^([^:]*: [^:]*):.*/\1/; /: (equal|refused)$/d' "$work/said" >"$work/differ"
grep -v '^#' "$list" | sort >"$work/known"
is "$(sort "$work/differ" | comm -23 - "$work/known")" "" "nothing differs but what is listed"
note "$(wc -l <"$work/files") inputs, $(grep -c ': equal$' "$work/said") equal," \
	"$(grep -c ': refused:' "$work/said") rightly refused, $(wc -l <"$work/differ") otherwise"
done_testing
