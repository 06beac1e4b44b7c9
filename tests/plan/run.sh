#!/bin/sh
# Fleet file and world → plan; and what is said of files that are wrong.
# The cases lie in cases/; tests/unit/tool_plan.c says how they are written.
here=$(cd "$(dirname "$0")" && pwd)
exec "${BUILD:-$here/../../build}/tests/tool_plan" "$here"/cases/*.txt
