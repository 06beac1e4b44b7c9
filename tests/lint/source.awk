# Looks at C sources: sizes, include directions, places of third-party headers, forbidden names.
# Prints "RULE FILE:LINE: MESSAGE" for each breach and "length N" for each function.
# Functions are found by the format that clang-format keeps: braces of their own in column one.

function breach(rule, message)
{
	print rule " " FILENAME ":" FNR ": " message
}

function words(list, into, n, i, parts)
{
	n = split(list, parts, " ")
	for (i = 1; i <= n; i++)
		into[parts[i]] = 1
}

BEGIN {
	sees["base"] = " base "
	sees["document"] = " base document "
	sees["fleet"] = " base document fleet "
	sees["provider"] = " base document provider "
	sees["plan"] = " base document fleet plan "
	sees["run"] = " base document fleet provider plan run "
	sees["cli"] = " base document fleet provider plan run cli "
	own_headers = " base document provider common "
	place["yaml.h"] = "engine/document/yaml.c"
	place["sqlite3.h"] = "engine/run/journal.c"
	place["jansson.h"] = "engine/document/json.c"
	place["libssh/libssh.h"] = "providers/common/ssh.c"
	place["libssh/server.h"] = "providers/common/ssh.c"
	words("assert complex ctype dirent dlfcn elf endian errno fcntl fnmatch ftw getopt glob grp" \
		" iconv inttypes langinfo libgen limits locale math netdb poll pthread pwd regex sched" \
		" semaphore setjmp signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio" \
		" stdlib stdnoreturn string strings syslog termios threads time unistd wchar wctype", libc)
	words("system popen sprintf vsprintf strcpy stpcpy strcat gets strtok atoi atol atof mktemp" \
		" tmpnam tempnam tmpfile alloca g_log g_warning g_message g_critical g_debug g_error" \
		" g_print g_printerr g_spawn_command_line_sync g_spawn_command_line_async", calls)
	words("GList GSList GObject GVariant GFile GType gchar gint guint glong gulong gshort gushort" \
		" guchar gfloat gdouble gsize gssize gboolean", names)
	prefixes = "^(g_list_|g_slist_|g_object_|g_variant_|g_file_new|g_type_|g_log_)"
}

FNR == 1 {
	finish()
	file = FILENAME
	in_comment = 0
	opened = 0
	lines = 0
}

{
	lines = FNR
	text = strip($0)
}

/^{/ {
	opened = FNR
}

/^}/ && opened {
	length_of = FNR - opened + 2
	print "length " length_of
	if (length_of > 100)
		breach("sizes", "a function of " length_of " lines, over 100")
	opened = 0
}

/^[ \t]*#[ \t]*include/ {
	include($0)
	next
}

{
	identifiers(text)
}

END {
	finish()
}

function finish()
{
	if (lines > 800)
		print "sizes " file ":" lines ": a file of " lines " lines, over 800"
}

# The line without comments and without what stands in quotes.
function strip(line, result, c, quote)
{
	result = ""
	while (line != "") {
		if (in_comment) {
			if (!(c = index(line, "*/")))
				return result
			line = substr(line, c + 2)
			in_comment = 0
			continue
		}
		c = substr(line, 1, 1)
		if (quote) {
			if (c == "\\")
				line = substr(line, 2)
			else if (c == quote)
				quote = ""
		} else if (c == "\"" || c == "'") {
			quote = c
			result = result " "
		} else if (substr(line, 1, 2) == "//") {
			return result
		} else if (substr(line, 1, 2) == "/*") {
			in_comment = 1
			line = substr(line, 2)
		} else {
			result = result c
		}
		line = substr(line, 2)
	}
	return result
}

function identifiers(line, name, rest)
{
	while (match(line, /[A-Za-z_][A-Za-z0-9_]*/)) {
		name = substr(line, RSTART, RLENGTH)
		rest = substr(line, RSTART + RLENGTH)
		if (name in names || name ~ prefixes)
			breach("calls", "'" name "' is not on the list of what is used of GLib")
		else if (name in calls && rest ~ /^[ \t]*\(/)
			breach("calls", "'" name "' is forbidden")
		line = rest
	}
}

function include(line, header, quoted)
{
	if (!match(line, /["<][^">]*[">]/))
		return
	header = substr(line, RSTART + 1, RLENGTH - 2)
	quoted = substr(line, RSTART, 1) == "\""
	if (!quoted)
		outside(header)
	else if (FILENAME ~ /^engine\//)
		inside_engine(header)
	else if (FILENAME ~ /^providers\//)
		inside_provider(header)
}

function inside_engine(header, parts, own)
{
	split(FILENAME, parts, "/")
	own = parts[2]
	if (split(header, parts, "/") != 2)
		breach("includes", "'" header "' does not name its folder")
	else if (!index(sees[own], " " parts[1] " "))
		breach("includes", "'" header "' is not for " own "/")
}

# What lies beside the file is its own; of the engine a provider sees the SDK alone.
function inside_provider(header, parts, own)
{
	split(FILENAME, parts, "/")
	own = parts[2]
	if (split(header, parts, "/") == 1)
		return
	if (parts[1] != own && !index(own_headers, " " parts[1] " "))
		breach("includes", "'" header "' is not for providers/" own "/")
}

function outside(header, base)
{
	base = header
	sub(/\.h$/, "", base)
	if (base in libc || header ~ /^(sys|net|netinet|netpacket|arpa|linux|asm)\// ||
		header ~ /^(glib\.h|glib-unix\.h|glib\/gstdio\.h)$/)
		return
	if (header in place && (place[header] == FILENAME || FILENAME ~ /^tests\//))
		return
	if (header in place)
		breach("places", "'" header "' is for " place[header] " alone")
	else
		breach("places", "'" header "' has no place: name the one file that may include it")
}
