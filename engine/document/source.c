/* Source texts, and the collection of what is wrong in them. */
#include "document/source.h"

#include <stdarg.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

enum {
	TAB = 8,
	/* Of a line of the source at most so many columns are shown, and of those at least a
	 * quarter before the caret. */
	SHOWN_MOST = 92,
	SHOWN_BEFORE = SHOWN_MOST / 4,
	/* So many characters around the caret are looked at: some have no width. */
	AROUND = 4 * SHOWN_MOST,
};

struct diagnostic {
	struct span span, also;
	char *message;
	char *hint;
	char *label; /* of also, or NULL */
};

struct diagnostics {
	GPtrArray *kept;	   /* of struct diagnostic, in the order of their coming */
	struct diagnostic *newest; /* NULL when it was not kept */
	size_t dropped;
};

/* "\r\n", "\n" and "\r" each end a line. */
static bool ends_line(const char *p)
{
	return *p == '\n' || (*p == '\r' && p[1] != '\n');
}

static void find_lines(struct arena *arena, struct source *source)
{
	const char *end = source->text + source->length;
	size_t *lines;
	int count = 1;

	for (const char *p = source->text; p < end; p++)
		count += ends_line(p);
	lines = arena_array_of(arena, size_t, count);
	source->lines = lines;
	source->line_count = count;
	for (const char *p = source->text; p < end; p++)
		if (ends_line(p))
			*++lines = p + 1 - source->text;
}

static struct source *source_new(
	struct arena *arena, const char *name, const char *text, size_t length)
{
	struct source *source = arena_new_of(arena, struct source);

	if (length >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		length -= 3;
	}
	source->name = arena_strdup(arena, name);
	source->text = arena_strndup(arena, text, length);
	source->length = length;
	find_lines(arena, source);
	return source;
}

struct source *source_from_text(struct arena *arena, const char *name, const char *text)
{
	return source_new(arena, name, text, strlen(text));
}

struct source *source_load(struct arena *arena, const char *path, struct error **err)
{
	AUTO(error) struct error *failed = NULL;
	AUTO(gfree) char *text = NULL;
	size_t length;

	if (!file_read(path, SOURCE_MOST, &text, &length, &failed)) {
		if (!strstr(failed->message, strerror(EFBIG))) {
			*err = failed;
			failed = NULL;
			return NULL;
		}
		error_set(err, ERROR_CONFIG, "'%s' is too large", path);
		error_hint(err, "a file may have %d KiB", SOURCE_MOST / 1024);
		return NULL;
	}
	if (memchr(text, '\0', length)) {
		error_set(err, ERROR_CONFIG, "'%s' is no text: it holds a NUL byte", path);
		error_hint(err, "save it as UTF-8");
		return NULL;
	}
	return source_new(arena, path, text, length);
}

struct diagnostics *diagnostics_new(void)
{
	struct diagnostics *diagnostics = g_new0(struct diagnostics, 1);

	diagnostics->kept = g_ptr_array_new();
	return diagnostics;
}

void diagnostics_free(struct diagnostics *diagnostics)
{
	for (unsigned i = 0; i < diagnostics->kept->len; i++) {
		struct diagnostic *d = diagnostics->kept->pdata[i];

		g_free(d->message);
		g_free(d->hint);
		g_free(d->label);
		g_free(d);
	}
	g_ptr_array_free(diagnostics->kept, TRUE);
	g_free(diagnostics);
}

/* One map may be checked for many machines (a count, defaults): its mistake is one mistake. Without
 * a message: whether there is any at the place. */
static bool known(const struct diagnostics *diagnostics, struct span span, const char *message)
{
	for (unsigned i = 0; i < diagnostics->kept->len; i++) {
		const struct diagnostic *d = diagnostics->kept->pdata[i];

		if (d->span.line == span.line && d->span.column == span.column &&
			d->span.source == span.source && (!message || !strcmp(d->message, message)))
			return true;
	}
	return false;
}

void diagnostic_add(struct diagnostics *diagnostics, struct span span, const char *format, ...)
{
	bool full = diagnostics->kept->len == DIAGNOSTICS_KEPT;
	AUTO(gfree) char *message = NULL;
	struct diagnostic *d;
	va_list args;

	diagnostics->newest = NULL;
	if (full && !known(diagnostics, span, NULL)) {
		diagnostics->dropped++;
		return;
	}
	va_start(args, format);
	message = g_strdup_vprintf(format, args);
	va_end(args);
	if (known(diagnostics, span, message))
		return;
	if (full) {
		diagnostics->dropped++;
		return;
	}
	d = g_new0(struct diagnostic, 1);
	d->span = span;
	d->message = message;
	message = NULL;
	g_ptr_array_add(diagnostics->kept, d);
	diagnostics->newest = d;
}

void diagnostic_hint(struct diagnostics *diagnostics, const char *format, ...)
{
	struct diagnostic *d = diagnostics->newest;
	va_list args;

	if (!d)
		return;
	g_free(d->hint);
	va_start(args, format);
	d->hint = g_strdup_vprintf(format, args);
	va_end(args);
}

void diagnostic_also(struct diagnostics *diagnostics, struct span span, const char *label)
{
	struct diagnostic *d = diagnostics->newest;

	if (!d)
		return;
	g_free(d->label);
	d->label = g_strdup(label);
	d->also = span;
}

size_t diagnostics_count(const struct diagnostics *diagnostics)
{
	return diagnostics->kept->len + diagnostics->dropped;
}

/* A line of the source as it is shown: what each character becomes, and how wide that is. */
struct cell {
	char *text;
	int width;
};

static struct cell cell_of(const char *p, size_t length, int column)
{
	struct cell cell;

	if (*p == '\t') {
		cell.width = TAB - column % TAB;
		cell.text = g_strnfill(cell.width, ' ');
		return cell;
	}
	cell.text = text_escape(p, length);
	if (strncmp(cell.text, p, length) || strlen(cell.text) != length) {
		cell.width = strlen(cell.text);
	} else {
		gunichar c = g_utf8_get_char(p);

		cell.width = g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
	}
	return cell;
}

static void clear_cell(void *cell)
{
	g_free(((struct cell *)cell)->text);
}

/* The characters [from, to) of the line; *more: there are others behind them. */
static GArray *cells_of(const char *p, const char *end, int from, int to, bool *more)
{
	GArray *cells = g_array_new(FALSE, FALSE, sizeof(struct cell));
	int column = 0;

	g_array_set_clear_func(cells, clear_cell);
	for (int at = 0; p < end && at < to; at++) {
		gunichar c = g_utf8_get_char_validated(p, end - p);
		bool valid = c != (gunichar)-1 && c != (gunichar)-2;
		const char *next = valid ? g_utf8_next_char(p) : p + 1;

		if (at >= from) {
			struct cell cell = cell_of(p, next - p, column);

			column += cell.width;
			g_array_append_val(cells, cell);
		}
		p = next;
	}
	*more = p < end;
	return cells;
}

/* Columns of the cells [from, to). */
static int width_of(const GArray *cells, int from, int to)
{
	int width = 0;

	for (int i = from; i < to; i++)
		width += g_array_index(cells, struct cell, i).width;
	return width;
}

static void line_bounds(const struct source *source, int line, const char **start, const char **end)
{
	const char *from = source->text + source->lines[line - 1];
	const char *to = source->text + source->length;

	if (line < source->line_count)
		to = source->text + source->lines[line];
	while (to > from && (to[-1] == '\n' || to[-1] == '\r'))
		to--;
	*start = from;
	*end = to;
}

/* The part of a line that fits, around what is underlined. */
struct window {
	int from, to;
	bool cut_before, cut_behind;
};

/* Cuts what is too long before and behind the cell `first`. */
static void window_fit(struct window *w, const GArray *cells, int first)
{
	int before = width_of(cells, 0, first), all = width_of(cells, 0, cells->len);

	if (all <= SHOWN_MOST && !w->cut_before && !w->cut_behind)
		return;
	while (before > SHOWN_BEFORE && (w->cut_behind || all > SHOWN_MOST - 1)) {
		int width = g_array_index(cells, struct cell, w->from++).width;

		before -= width;
		all -= width;
		w->cut_before = true;
	}
	while (w->to > first + 1 && all > SHOWN_MOST - 2) {
		all -= g_array_index(cells, struct cell, --w->to).width;
		w->cut_behind = true;
	}
}

static const char *colour_of(bool colour, const char *code)
{
	return colour ? code : "";
}

static void append_caret(GString *text, int before, int width, bool colour)
{
	g_string_append(text, "    ");
	for (int i = 0; i < before; i++)
		g_string_append_c(text, ' ');
	g_string_append(text, colour_of(colour, "\033[32m"));
	g_string_append_c(text, '^');
	for (int i = 1; i < width; i++)
		g_string_append_c(text, '~');
	g_string_append(text, colour_of(colour, "\033[0m"));
	g_string_append_c(text, '\n');
}

/* How many blanks a line starts with; those before the span need not be shown. */
static int indentation(const char *start, const char *end, int most)
{
	int n = 0;

	while (start + n < end && n < most && (start[n] == ' ' || start[n] == '\t'))
		n++;
	return n;
}

static void append_line(GString *text, struct span span, bool colour)
{
	const char *start, *end;
	int from, first, last;
	struct window w = {0};
	GArray *cells;

	line_bounds(span.source, span.line, &start, &end);
	from = indentation(start, end, span.column - 1);
	w.cut_before = span.column - AROUND > from;
	from = MAX(from, span.column - AROUND);
	cells = cells_of(start, end, from, span.column + AROUND, &w.cut_behind);
	w.to = cells->len;
	first = MIN(span.column - 1 - from, w.to);
	last = span.end_line == span.line ? span.end_column - 1 - from : w.to;
	window_fit(&w, cells, first);
	last = CLAMP(last, first, w.to);
	g_string_append(text, w.cut_before ? "    …" : "    ");
	for (int i = w.from; i < w.to; i++)
		g_string_append(text, g_array_index(cells, struct cell, i).text);
	g_string_append(text, w.cut_behind ? "…\n" : "\n");
	append_caret(text, w.cut_before + width_of(cells, w.from, first),
		width_of(cells, first, last), colour);
	g_array_free(cells, TRUE);
}

static bool shown(struct span span)
{
	return span.source && span.line >= 1 && span.line <= span.source->line_count;
}

static void append_place(GString *text, struct span span, bool colour)
{
	AUTO(gfree) char *name = NULL;

	if (!span.source)
		return;
	name = text_escape(span.source->name, strlen(span.source->name));
	g_string_append(text, colour_of(colour, "\033[1m"));
	g_string_append(text, name);
	if (span.line > 0)
		g_string_append_printf(text, ":%d:%d", span.line, span.column);
	g_string_append_printf(text, ":%s ", colour_of(colour, "\033[0m"));
}

static void append_escaped(GString *text, const char *bytes, size_t length)
{
	AUTO(gfree) char *escaped = text_escape(bytes, length);

	g_string_append(text, escaped);
}

static void append_hint(GString *text, const char *hint)
{
	for (const char *p = hint, *end; p; p = *end ? end + 1 : NULL) {
		end = strchrnul(p, '\n');
		g_string_append(text, "  ");
		append_escaped(text, p, end - p);
		g_string_append_c(text, '\n');
	}
}

static void append_diagnostic(GString *text, const struct diagnostic *d, bool colour)
{
	append_place(text, d->span, colour);
	g_string_append_printf(
		text, "%serror:%s ", colour_of(colour, "\033[31m"), colour_of(colour, "\033[0m"));
	append_escaped(text, d->message, strlen(d->message));
	g_string_append_c(text, '\n');
	if (shown(d->span))
		append_line(text, d->span, colour);
	if (d->hint)
		append_hint(text, d->hint);
	if (!d->label)
		return;
	append_place(text, d->also, colour);
	append_escaped(text, d->label, strlen(d->label));
	g_string_append_c(text, '\n');
	if (shown(d->also))
		append_line(text, d->also, colour);
}

struct order {
	const struct diagnostic *diagnostic;
	unsigned came;
};

/* What has no place comes first; equal places keep the order of their coming. */
static int by_place(const void *a, const void *b)
{
	const struct order *x = a, *y = b;
	struct span s = x->diagnostic->span, t = y->diagnostic->span;
	int files = g_strcmp0(s.source ? s.source->name : NULL, t.source ? t.source->name : NULL);

	if (files)
		return files;
	if (s.line != t.line)
		return s.line < t.line ? -1 : 1;
	if (s.column != t.column)
		return s.column < t.column ? -1 : 1;
	return x->came < y->came ? -1 : 1;
}

char *diagnostics_format(struct diagnostics *diagnostics, bool colour)
{
	unsigned count = diagnostics->kept->len;
	AUTO(gfree) struct order *order = g_new(struct order, count + 1);
	GString *text = g_string_new(NULL);

	for (unsigned i = 0; i < count; i++)
		order[i] = (struct order){diagnostics->kept->pdata[i], i};
	if (count)
		qsort(order, count, sizeof(*order), by_place);
	for (unsigned i = 0; i < count; i++)
		append_diagnostic(text, order[i].diagnostic, colour);
	if (diagnostics->dropped)
		g_string_append_printf(text, "and %zu more error%s\n", diagnostics->dropped,
			diagnostics->dropped == 1 ? "" : "s");
	return g_string_free(text, FALSE);
}
