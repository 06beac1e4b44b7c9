#!/bin/sh
# Plants one breach of each sort in a tree and sees that the lint names every one, and nothing else.
. "$(dirname "$0")/../lib.sh"

for tool in clang-format shellcheck; do
	command -v "$tool" >/dev/null || skip_all "$tool is missing"
done

lint=$root/tests/lint/lint.sh
tree=$work/tree
mkdir -p "$tree/engine/base" "$tree/engine/document" "$tree/engine/fleet" "$tree/engine/plan" \
	"$tree/providers/kvm" "$tree/tests" "$tree/examples/one"
cp "$root/.clang-format" "$tree/"

put() {
	cat >"$tree/$1"
}

put engine/base/good.c <<'END'
/* A good file: what it says in quotes or in comments is no call: system("x"). */
#include "base/good.h"

#include <string.h>

int good(const char *text)
{
	return strcmp(text, "system(1) // \" popen(");
}
END
put engine/base/good.h <<'END'
/* Its header. */
int good(const char *text);
END
put tests/good.sh <<'END'
#!/bin/sh
echo "$1"
END
run "$lint" "$tree"
is "$err" "" "a clean tree has no breach"
is "$status" 0 "and passes"
is "$out" "lint: 4 files, 1 functions, median 4 lines" "the sum counts files and functions"

{
	echo 'int long_one(void)'
	echo '{'
	i=0
	while [ $i -lt 98 ]; do
		printf '\tgood("");\n'
		i=$((i + 1))
	done
	echo '}'
} >"$tree/engine/base/function.c"
i=0
while [ $i -lt 801 ]; do
	echo '/* One line of many. */'
	i=$((i + 1))
done >"$tree/engine/base/file.c"
put engine/base/upward.c <<'END'
#include "document/value.h"
END
put engine/base/bare.c <<'END'
#include "good.h"
END
put engine/fleet/sideways.c <<'END'
#include "provider/client.h"
END
put engine/plan/deeper.c <<'END'
#include "run/event.h"
END
put providers/kvm/engine.c <<'END'
#include "common/paths.h"
#include "kvm/own.h"
#include "plan/plan.h"
#include "own.h"
END
put providers/kvm/neighbour.c <<'END'
#include "image/store.h"
END
put engine/base/database.c <<'END'
#include <sqlite3.h>
END
put engine/base/network.c <<'END'
#include <curl/curl.h>
END
put engine/document/yaml.c <<'END'
#include <yaml.h>
END
for name in system popen sprintf strcpy strcat gets strtok atoi mktemp tmpnam alloca g_log g_warning; do
	printf 'void bad(void)\n{\n\t%s(0);\n}\n' "$name" >"$tree/engine/base/call_$name.c"
done
for name in GList GObject gchar GVariant; do
	printf 'extern %s *bad;\n' "$name" >"$tree/engine/base/name_$name.c"
done
printf 'Once it is done. %s: the rest.\n' 'TO''DO' >"$tree/notes.md"
printf 'echo a # %s\n' 'FIX''ME' >"$tree/tests/words.sh"
put engine/base/format.c <<'END'
int  badly( void );
END
put engine/base/indent.c <<'END'
/* A comment
     that is indented by blanks. */
END
put tests/quoting <<'END'
#!/bin/sh
rm -rf $1/x
END
printf 'a: 1\nb:\n\tc\n' >"$tree/examples/one/fleet.yaml"
printf 'text \n' >"$tree/blanks.md"
printf '#!/bin/sh\necho "a" \n' >"$tree/tests/blank.sh"

run "$lint" "$tree"
isnt "$status" 0 "a tree with breaches fails"
said() {
	like "$err" "^$1" "named: $2"
	err=$(printf '%s\n' "$err" | grep -Ev "^$1")
}
said 'engine/base/function.c:101: a function of 101 lines.*sizes' 'a function too long'
said 'engine/base/file.c:801: a file of 801 lines.*sizes' 'a file too long'
said "engine/base/upward.c:1: 'document/value.h' is not for base/.*includes" 'an include up'
said "engine/base/bare.c:1: 'good.h' does not name its folder" 'an include without a folder'
said "engine/fleet/sideways.c:1: 'provider/client.h' is not for fleet/" 'an include sideways'
said "engine/plan/deeper.c:1: 'run/event.h' is not for plan/" 'an include from plan of run'
said "providers/kvm/engine.c:3: 'plan/plan.h' is not for providers/kvm/" 'a provider that sees the engine'
said "providers/kvm/neighbour.c:1: 'image/store.h'" 'a provider that sees another'
said "engine/base/database.c:1: 'sqlite3.h' is for engine/run/journal.c alone" 'a library out of its place'
said "engine/base/network.c:1: 'curl/curl.h' has no place" 'a library without a place'
for name in system popen sprintf strcpy strcat gets strtok atoi mktemp tmpnam alloca g_log g_warning; do
	said "engine/base/call_$name.c:3: '$name' is forbidden.*calls" "a call of $name"
done
for name in GList GObject gchar GVariant; do
	said "engine/base/name_$name.c:1: '$name' is not on the list.*calls" "the name $name"
done
said 'notes.md:1: a word for unfinished work' 'a forbidden word in a text'
said 'tests/words.sh:1: a word for unfinished work' 'a forbidden word in a script'
said 'engine/base/format.c:1:.*format' 'a line that clang-format would change'
said 'engine/base/indent.c:2: indented by blanks' 'blanks instead of tabs'
said 'tests/quoting:2:.*SC2086.*shell' 'a script without its ending that shellcheck dislikes'
said 'tests/words.sh:1:.*SC2148.*shell' 'a script without an interpreter line'
said 'examples/one/fleet.yaml:3: a tab' 'a tab in an example'
said 'blanks.md:1: blanks at the end' 'blanks at the end of a line'
said 'tests/blank.sh:2: blanks at the end' 'the same in a script'
is "$err" "" "and nothing else"

run "$lint" --tap "$tree"
is "$(printf '%s\n' "$out" | grep -c '^not ok')" 8 "as a test, each rule fails on its own"
like "$out" '^1\.\.8$' "and there is a plan"
done_testing
