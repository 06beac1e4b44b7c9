/* Errors of syntax. libyaml notices many of them late: a missing colon shows on the next line, an
 * open quote at the end of the file. So each of its messages has a rule for its place here. */
#include "document/yaml_error.h"

#include <string.h>

/* A line of the source, without the blanks around it. */
struct line {
	const char *start, *text, *end;
};

static struct line line_of(const struct source *source, int number)
{
	struct line line;

	line.start = source->text + source->lines[number - 1];
	line.end = number < source->line_count ? source->text + source->lines[number]
					       : source->text + source->length;
	while (line.end > line.start && g_ascii_isspace(line.end[-1]))
		line.end--;
	line.text = line.start;
	while (line.text < line.end && (*line.text == ' ' || *line.text == '\t'))
		line.text++;
	return line;
}

/* The byte at a column, at most the line's end. */
static const char *byte_at(struct line line, int column)
{
	const char *p = line.start;

	while (--column > 0 && *p && *p != '\n' && *p != '\r')
		p = g_utf8_next_char(p);
	return p;
}

static struct span span_between(
	const struct source *source, int number, const char *from, const char *to)
{
	const char *start = line_of(source, number).start;
	struct span span = {source, number, g_utf8_strlen(start, from - start) + 1, number, 0};

	span.end_column = span.column + g_utf8_strlen(from, to - from);
	return span;
}

static struct span span_at(const struct source *source, int number, int column)
{
	return (struct span){source, number, column, number, column + 1};
}

/* From the column to the end of the line's text. */
static struct span span_rest(const struct source *source, int number, int column)
{
	struct line line = line_of(source, number);
	const char *from = byte_at(line, column);

	return from < line.end ? span_between(source, number, from, line.end)
			       : span_at(source, number, column);
}

static bool line_has(struct line line, const char *text)
{
	return memmem(line.text, line.end - line.text, text, strlen(text)) != NULL;
}

/* A colon that separates a key from its value. */
static const char *separator(struct line line)
{
	for (const char *p = line.text; p < line.end; p++)
		if (*p == ':' && (p + 1 == line.end || p[1] == ' ' || p[1] == '\t'))
			return p;
	return NULL;
}

/* `memory:1GiB`: a name, a colon, and something straight behind it. */
static bool tight(struct line line)
{
	const char *p = line.text;

	while (p < line.end && (g_ascii_isalnum(*p) || *p == '_' || *p == '-'))
		p++;
	return p > line.text && p + 1 < line.end && *p == ':' && !g_ascii_isspace(p[1]) &&
	       !separator(line);
}

static bool tab_in_indentation(struct line line)
{
	return memchr(line.start, '\t', line.text - line.start) != NULL;
}

/* What is probably meant shows in the line, whatever the parser stumbled over. False: nothing. */
static bool hint_from_line(struct line line, struct diagnostics *diagnostics)
{
	if (tab_in_indentation(line))
		diagnostic_hint(diagnostics, "indent with spaces, not with tabs");
	else if (line_has(line, "{{"))
		diagnostic_hint(diagnostics, "write a value with '{{' in quotes");
	else if (line_has(line, "${") && strpbrk(line.text, "[{") < strstr(line.text, "${"))
		diagnostic_hint(diagnostics, "inside [ ] and { } a value with '${' needs quotes");
	else if (tight(line))
		diagnostic_hint(diagnostics, "put a space after ':'");
	else
		return false;
	return true;
}

static void missing_colon(const struct source *source, int number, struct diagnostics *diagnostics)
{
	struct line line = line_of(source, number);
	int length = MIN(line.end - line.text, 40);
	struct span span = span_between(source, number, line.text, line.end);

	if (tight(line)) {
		diagnostic_add(diagnostics, span, "missing space after ':'");
		diagnostic_hint(diagnostics, "put a space after ':'");
		return;
	}
	while (length > 0 && (line.text[length] & 0xc0) == 0x80)
		length--;
	diagnostic_add(diagnostics, span, "missing ':' after '%.*s'", length, line.text);
	if (!hint_from_line(line, diagnostics))
		diagnostic_hint(diagnostics, "a key is followed by ':' and a space");
}

/* The nearest line above with something in it, or 0. */
static int line_above(const struct source *source, int number)
{
	while (--number > 0) {
		struct line line = line_of(source, number);

		if (line.text < line.end && *line.text != '#')
			return number;
	}
	return 0;
}

/* `a: b: c`, a key whose colon was forgotten in the line above, or a wrong indentation. */
static void misplaced_colon(const struct source *source, const struct syntax_fault *fault,
	struct diagnostics *diagnostics)
{
	struct line line = line_of(source, fault->line), above;
	const char *first = separator(line), *colon = byte_at(line, fault->column);
	struct span span = span_at(source, fault->line, fault->column);
	int number = line_above(source, fault->line);

	if (first && first < colon) {
		diagnostic_add(diagnostics, span, "a second ':' in one line");
		if (!hint_from_line(line, diagnostics))
			diagnostic_hint(diagnostics, "write a value with ': ' in quotes");
		return;
	}
	above = number ? line_of(source, number) : line;
	if (number && !separator(above) && *above.text != '-') {
		missing_colon(source, number, diagnostics);
		return;
	}
	span = span_between(source, fault->line, line.text, colon);
	diagnostic_add(diagnostics, span, "a key cannot stand here");
	if (!hint_from_line(line, diagnostics))
		diagnostic_hint(diagnostics,
			"it is indented deeper than the line above, which has a value already");
}

static void wrong_start(const struct source *source, const struct syntax_fault *fault,
	struct diagnostics *diagnostics)
{
	struct line line = line_of(source, fault->line);
	const char *at = byte_at(line, fault->column);
	struct span span = span_at(source, fault->line, fault->column);

	if (*at == '\t') {
		diagnostic_add(diagnostics, span, "a tab cannot stand here");
		diagnostic_hint(diagnostics, "indent with spaces, not with tabs");
		return;
	}
	diagnostic_add(diagnostics, span, "a value cannot start with '%c'", *at ? *at : ' ');
	if (!hint_from_line(line, diagnostics))
		diagnostic_hint(diagnostics, "write it in quotes");
}

/* A map ends where its neighbours are indented otherwise, or behind a value that is complete. */
static void expected_key(const struct source *source, const struct syntax_fault *fault,
	struct diagnostics *diagnostics)
{
	struct line line = line_of(source, fault->line);
	bool behind = byte_at(line, fault->column) > line.text;
	struct span span = span_rest(source, fault->line, fault->column);

	diagnostic_add(diagnostics, span,
		behind ? "unexpected text after the value" : "expected a key of the map");
	if (hint_from_line(line, diagnostics))
		return;
	if (behind) {
		diagnostic_hint(diagnostics, "write the whole value in quotes");
		return;
	}
	diagnostic_hint(diagnostics, "all keys of a map start in the same column");
	diagnostic_also(diagnostics, span_rest(source, fault->context_line, fault->context_column),
		"the map starts here");
}

typedef void explain(const struct source *source, const struct syntax_fault *fault,
	struct diagnostics *diagnostics);

static void expected_colon(const struct source *source, const struct syntax_fault *fault,
	struct diagnostics *diagnostics)
{
	missing_colon(source, fault->context_line ? fault->context_line : fault->line, diagnostics);
}

/* What lacks a comma at the end of its line is folded into the next line's key, and shows at its
 * colon. */
static void expected_comma(const struct source *source, const struct syntax_fault *fault,
	struct diagnostics *diagnostics)
{
	struct line line = line_of(source, fault->line);
	const char *at = byte_at(line, fault->column);
	bool folded = *at == ':' && fault->line > fault->context_line && at > line.text;
	struct span span = folded ? span_between(source, fault->line, line.text, at)
				  : span_rest(source, fault->line, fault->column);

	diagnostic_add(
		diagnostics, span, "expected ',' or '%c'", strchr(fault->problem, '}') ? '}' : ']');
	(void)hint_from_line(line, diagnostics);
	if (fault->context_line)
		diagnostic_also(diagnostics,
			span_at(source, fault->context_line, fault->context_column), "opened here");
}

struct rule {
	const char *problem;
	explain *explain; /* or: */
	const char *message, *hint;
	bool at_context;
	const char *label; /* of the context */
};

static const struct rule rules[] = {
	{"could not find expected ':'", expected_colon, NULL, NULL, false, NULL},
	{"mapping values are not allowed in this context", misplaced_colon, NULL, NULL, false,
		NULL},
	{"found character that cannot start any token", wrong_start, NULL, NULL, false, NULL},
	{"did not find expected key", expected_key, NULL, NULL, false, NULL},
	{"did not find expected '-' indicator", NULL, "expected an item of the list",
		"all items of a list start with '-' in the same column", false,
		"the list starts here"},
	{"did not find expected ',' or ']'", expected_comma, NULL, NULL, false, NULL},
	{"did not find expected ',' or '}'", expected_comma, NULL, NULL, false, NULL},
	{"found unexpected end of stream", NULL, "the quote is never closed",
		"a quote ends with the character that began it", true, NULL},
	{"found unexpected document indicator", NULL, "the quote is not closed before '---'", NULL,
		true, NULL},
	{"found unknown escape character", NULL, "unknown escape in double quotes",
		"write '\\\\' for a backslash, or use single quotes", false, NULL},
	{"did not find expected hexdecimal number", NULL,
		"expected hexadecimal digits after the escape", NULL, false, NULL},
	{"found invalid Unicode character escape code", NULL,
		"the escape names no Unicode character", NULL, false, NULL},
	{"block sequence entries are not allowed in this context", NULL, "a list cannot start here",
		"begin it on a line of its own", false, NULL},
	{"mapping keys are not allowed in this context", NULL, "'?' cannot stand here",
		"write it in quotes", false, NULL},
	{"did not find expected node content", NULL, "expected a value", NULL, false, NULL},
	{"did not find expected <document start>", NULL,
		"unexpected text after the end of the document",
		"all keys at the top start in the same column", false, NULL},
	{"did not find expected alphabetic or numeric character", NULL,
		"expected a name after '&' or '*'",
		"write a value that starts with '&' or '*' in quotes", true, NULL},
	{"found a tab character where an indentation space is expected", NULL,
		"a tab cannot stand here", "indent with spaces, not with tabs", false, NULL},
	{"found a tab character that violates indentation", NULL, "a tab cannot stand here",
		"indent with spaces, not with tabs", false, NULL},
	{"did not find expected comment or line break", NULL,
		"unexpected text behind '|', '>' or a directive",
		"the text begins on the next line; or write the value in quotes", false, NULL},
	{"found unexpected ':'", NULL, "a ':' cannot stand here",
		"write a value with ':' in quotes", false, NULL},
	{"did not find expected whitespace or line break", NULL, "this is no tag",
		"write a value that starts with '!' in quotes", true, NULL},
	{"found undefined tag handle", NULL, "unknown tag",
		"write a value that starts with '!' in quotes", false, NULL},
	{"found an indentation indicator equal to 0", NULL,
		"an indentation of 0 cannot be asked for", NULL, false, NULL},
	{"found unknown directive name", NULL, "unknown directive",
		"write a value that starts with '%' in quotes", true, NULL},
	{"could not find expected directive name", NULL, "expected the name of a directive",
		"write a value that starts with '%' in quotes", true, NULL},
	{"found incompatible YAML document", NULL, "this version of YAML is not known",
		"leave '%YAML' out", false, NULL},
};

static void explain_by_rule(const struct rule *rule, const struct source *source,
	const struct syntax_fault *fault, struct diagnostics *diagnostics)
{
	bool at_context = rule->at_context && fault->context_line;
	int number = at_context ? fault->context_line : fault->line;
	int column = at_context ? fault->context_column : fault->column;

	diagnostic_add(diagnostics, span_rest(source, number, column), "%s", rule->message);
	if (!hint_from_line(line_of(source, number), diagnostics) && rule->hint)
		diagnostic_hint(diagnostics, "%s", rule->hint);
	if (rule->label && fault->context_line)
		diagnostic_also(diagnostics,
			span_at(source, fault->context_line, fault->context_column), rule->label);
}

void syntax_error(const struct source *source, const struct syntax_fault *given,
	struct diagnostics *diagnostics)
{
	struct syntax_fault fault = *given;

	fault.line = CLAMP(fault.line, 1, source->line_count);
	fault.context_line = CLAMP(fault.context_line, 0, source->line_count);
	for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
		if (strcmp(rules[i].problem, fault.problem) != 0)
			continue;
		if (rules[i].explain)
			rules[i].explain(source, &fault, diagnostics);
		else
			explain_by_rule(&rules[i], source, &fault, diagnostics);
		return;
	}
	diagnostic_add(diagnostics, span_at(source, fault.line, fault.column), "wrong syntax: %s",
		fault.problem);
	(void)hint_from_line(line_of(source, fault.line), diagnostics);
}

static bool readable(gunichar c)
{
	return c == '\t' || c == '\n' || c == '\r' || (c >= 0x20 && c < 0x7f) ||
	       (c >= 0xa0 && c != 0xfeff && c != 0xfffe && c != 0xffff && c != 0x2028 &&
		       c != 0x2029);
}

static struct span span_of_byte(const struct source *source, size_t offset)
{
	int low = 1, high = source->line_count;
	const char *start;

	while (low < high) {
		int middle = low + (high - low + 1) / 2;

		if (source->lines[middle - 1] <= offset)
			low = middle;
		else
			high = middle - 1;
	}
	start = source->text + source->lines[low - 1];
	return span_at(source, low, g_utf8_strlen(start, source->text + offset - start) + 1);
}

bool text_check(const struct source *source, struct diagnostics *diagnostics)
{
	const char *p = source->text, *end = p + source->length, *valid;
	size_t before = diagnostics_count(diagnostics);

	(void)g_utf8_validate_len(source->text, source->length, &valid);
	for (int left = 10; p < valid && left; p = g_utf8_next_char(p)) {
		gunichar c = g_utf8_get_char(p);

		if (readable(c))
			continue;
		left--;
		diagnostic_add(diagnostics, span_of_byte(source, p - source->text),
			"the character U+%04X cannot stand in a file", c);
		diagnostic_hint(diagnostics,
			c < 0x10000 ? "in double quotes it can be written as \\u%04x"
				    : "in double quotes it can be written as \\U%08x",
			c);
	}
	if (valid < end) {
		diagnostic_add(diagnostics, span_of_byte(source, valid - source->text),
			"a byte that is no UTF-8");
		diagnostic_hint(diagnostics, "save the file as UTF-8");
	}
	return diagnostics_count(diagnostics) == before;
}
