/* The cursor stays visible and rests below the table, and no mode of the terminal is touched: there
 * is nothing to restore, not even after a kill -9. One write for each frame, none when it is the
 * same as the last. */
#include "cli/live.h"

#include <string.h>

#include "base/text.h"
#include "cli/output.h"
#include "cli/plan_print.h"
#include "cli/terminal.h"

enum { PERIOD = 100, ADDRESS_MOST = 40, AGE_WIDTH = 6 };

struct row {
	const struct step *step;
	char *text;
	int64_t since;
};

struct live {
	int fd;
	struct style style;
	const struct plan *plan;
	unsigned total, ended, timer;
	GHashTable *left; /* counted step → how many of its steps have not ended */
	int64_t started;
	GPtrArray *rows; /* of struct row, in order of their start */
	GString *above;	 /* finished lines that are not drawn yet */
	GString *frame;	 /* what the terminal shows */
	GArray *widths;	 /* of int: the columns of its lines */
};

static void free_row(void *data)
{
	struct row *row = data;

	g_free(row->text);
	g_free(row);
}

static char *whole_seconds(int64_t milliseconds)
{
	return duration_exact(MAX(milliseconds, 0) / 1000 * 1000);
}

static void add_line(GString *frame, GArray *widths, const char *text, int width)
{
	g_string_append_printf(frame, "%s\n", text);
	g_array_append_val(widths, width);
}

static const char *doing(const struct row *row)
{
	static const char *const words[STEP_ACTIONS] = {
		"", "creating", "updating", "replacing", "deleting", "", "", ""};

	if (row->text)
		return row->text;
	if (row->step->action != STEP_WAIT)
		return words[row->step->action];
	return row->step->stage == STAGE_UP ? "waiting until it is up"
					    : "waiting until it is ready";
}

static int address_width(const struct live *l, unsigned shown, int columns)
{
	int width = 0;

	for (unsigned i = 0; i < shown; i++) {
		const struct row *row = l->rows->pdata[i];

		width = MAX(width, terminal_width(row->step->address));
	}
	return MIN(width, MIN(ADDRESS_MOST, columns / 2));
}

static void add_row(const struct live *l, const struct row *row, int width, int columns,
	GString *frame, GArray *widths)
{
	AUTO(gfree) char *age = whole_seconds(clock_now() - row->since);
	AUTO(gfree) char *address = text_escape(row->step->address, strlen(row->step->address));
	AUTO(gfree) char *short_address = terminal_cut(address, width);
	int padding = width - terminal_width(short_address);
	int left = columns - 1 - 4 - width - 2 - MAX(AGE_WIDTH, (int)strlen(age)) - 2;
	AUTO(gfree) char *text = terminal_cut(doing(row), MAX(left, 0));
	AUTO(gfree)
	char *line = g_strdup_printf("%s%3s%s %s%*s  %s%*s%s  %s",
		style_on(&l->style, plan_shade(row->step->action)), plan_sign(row->step->action),
		style_off(&l->style), short_address, padding, "", style_on(&l->style, SHADE_DIM),
		AGE_WIDTH, age, style_off(&l->style), text);

	add_line(frame, widths, line, columns - 1 - left + terminal_width(text));
}

static void add_total(
	const struct live *l, unsigned hidden, int columns, GString *frame, GArray *widths)
{
	AUTO(gfree) char *age = whole_seconds(clock_now() - l->started);
	AUTO(gfree) char *more = hidden ? g_strdup_printf(", %u of them not shown", hidden) : NULL;
	AUTO(gfree)
	char *line = g_strdup_printf("%u of %u done, %u running%s, %s", l->ended, l->total,
		l->rows->len, more ? more : "", age);
	AUTO(gfree) char *cut = terminal_cut(line, columns - 1);
	AUTO(gfree)
	char *shaded = g_strconcat(style_on(&l->style, SHADE_DIM), cut, style_off(&l->style), NULL);

	add_line(frame, widths, shaded, terminal_width(cut));
}

static void build(const struct live *l, int columns, int lines, GString *frame, GArray *widths)
{
	unsigned room = MAX(lines - 2, 1), shown = MIN(l->rows->len, room);
	int width = address_width(l, shown, columns);

	for (unsigned i = 0; i < shown; i++)
		add_row(l, l->rows->pdata[i], width, columns, frame, widths);
	add_total(l, l->rows->len - shown, columns, frame, widths);
}

/* Lines that the last frame takes now: a terminal that became narrower has folded them. */
static int height(const struct live *l, int columns)
{
	int rows = 0;

	for (unsigned i = 0; i < l->widths->len; i++)
		rows += MAX(1, (g_array_index(l->widths, int, i) + columns - 1) / columns);
	return rows;
}

static void erase(const struct live *l, int columns, GString *out)
{
	int rows = height(l, columns);

	g_string_append_c(out, '\r');
	if (rows)
		g_string_append_printf(out, "\033[%dA", rows);
	g_string_append(out, "\033[J");
}

static void draw(struct live *l, bool last)
{
	GString *frame = g_string_new(NULL);
	GArray *widths = g_array_new(FALSE, FALSE, sizeof(int));
	int columns, lines;

	terminal_size(l->fd, &columns, &lines);
	columns = MAX(columns, 20);
	if (!last)
		build(l, columns, lines, frame, widths);
	if (l->above->len || !g_string_equal(frame, l->frame)) {
		GString *out = g_string_new(NULL);

		erase(l, columns, out);
		g_string_append_len(out, l->above->str, l->above->len);
		g_string_append_len(out, frame->str, frame->len);
		output_people_text(out->str);
		g_string_free(out, TRUE);
	}
	g_string_truncate(l->above, 0);
	g_string_free(l->frame, TRUE);
	g_array_free(l->widths, TRUE);
	l->frame = frame;
	l->widths = widths;
}

static int on_tick(void *data)
{
	draw(data, false);
	return G_SOURCE_CONTINUE;
}

static unsigned add_left(struct live *l, const struct step *step, int more)
{
	const struct step *counted = plan_counted(l->plan, step);
	unsigned left = GPOINTER_TO_UINT(g_hash_table_lookup(l->left, counted)) + more;

	g_hash_table_insert(l->left, (void *)counted, GUINT_TO_POINTER(left));
	return left;
}

struct live *live_new(int fd, const struct style *style, const struct plan *plan)
{
	struct live *l = g_new0(struct live, 1);

	l->fd = fd;
	l->style = *style;
	l->plan = plan;
	l->left = g_hash_table_new(NULL, NULL);
	for (unsigned i = 0; i < plan->steps->len; i++)
		l->total += add_left(l, plan->steps->pdata[i], 1) == 1;
	l->started = clock_now();
	l->rows = g_ptr_array_new_with_free_func(free_row);
	l->above = g_string_new(NULL);
	l->frame = g_string_new(NULL);
	l->widths = g_array_new(FALSE, FALSE, sizeof(int));
	l->timer = g_timeout_add(PERIOD, on_tick, l);
	return l;
}

void live_free(struct live *l)
{
	g_source_remove(l->timer);
	draw(l, true);
	g_ptr_array_free(l->rows, TRUE);
	g_hash_table_destroy(l->left);
	g_string_free(l->above, TRUE);
	g_string_free(l->frame, TRUE);
	g_array_free(l->widths, TRUE);
	g_free(l);
}

void live_add(struct live *l, const struct step *step, int64_t since)
{
	struct row *row = g_new0(struct row, 1);

	row->step = step;
	row->since = since;
	g_ptr_array_add(l->rows, row);
}

static unsigned find(const struct live *l, const struct step *step)
{
	unsigned i = 0;

	while (i < l->rows->len && ((struct row *)l->rows->pdata[i])->step != step)
		i++;
	return i;
}

void live_set(struct live *l, const struct step *step, const char *text)
{
	unsigned at = find(l, step);
	struct row *row;

	if (at == l->rows->len)
		return;
	row = l->rows->pdata[at];
	g_free(row->text);
	row->text = g_strdup(text);
}

void live_remove(struct live *l, const struct step *step)
{
	unsigned at = find(l, step);

	if (at < l->rows->len)
		g_ptr_array_remove_index(l->rows, at);
	l->ended += add_left(l, step, -1) == 0;
}

void live_say(struct live *l, const char *lines)
{
	g_string_append(l->above, lines);
}
