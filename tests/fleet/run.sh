#!/bin/sh
# Fleet file → everything that is wrong with it.
# The cases lie in cases/; tests/unit/tool_plan.c says how they are written.
here=$(cd "$(dirname "$0")" && pwd)
exec "${BUILD:-$here/../../build}/tests/tool_plan" "$here"/cases/*.txt
