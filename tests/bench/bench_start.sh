#!/bin/sh
# What every call pays: the start of the program, and the reading of a small fleet file.
. "$(dirname "$0")/lib.sh"

fleet=$work/fleet.yaml
cp "$root/examples/quickstart/fleet.yaml" "$fleet"
export PROVISION_STATE_DIR="$work/state"

repeat 21 "$provision" version >"$work/version"
repeat 21 "$provision" validate "$fleet" >"$work/validate"
limit 'version, median of 21' "$(median <"$work/version")" 5 ms
limit 'validate of the quickstart, median of 21' "$(median <"$work/validate")" 15 ms
finish
