/* Each column as wide as its widest cell; the last one is not padded. */
#include "cli/table.h"

#include <string.h>

#include "base/text.h"
#include "cli/terminal.h"

enum { GAP = 2 };

struct cell {
	char *text; /* "" where there is nothing */
	enum shade shade;
	bool shaded;
};

struct table {
	struct style style;
	const char *const *titles;
	unsigned columns;
	GArray *cells; /* of struct cell */
};

struct table *table_new(const struct style *style, const char *const *titles)
{
	struct table *table = g_new0(struct table, 1);

	table->style = *style;
	table->titles = titles;
	while (titles[table->columns])
		table->columns++;
	table->cells = g_array_new(FALSE, FALSE, sizeof(struct cell));
	return table;
}

void table_free(struct table *table)
{
	for (unsigned i = 0; i < table->cells->len; i++)
		g_free(g_array_index(table->cells, struct cell, i).text);
	g_array_free(table->cells, TRUE);
	g_free(table);
}

static void add(struct table *table, const char *text, enum shade shade, bool shaded)
{
	struct cell cell = {.shade = shade, .shaded = shaded};

	cell.text = text_escape(text ? text : "", text ? strlen(text) : 0);
	g_array_append_val(table->cells, cell);
}

void table_add(struct table *table, const char *text)
{
	add(table, text, SHADE_DIM, false);
}

void table_add_shaded(struct table *table, const char *text, enum shade shade)
{
	add(table, text, shade, true);
}

static const struct cell *cell_at(const struct table *table, unsigned row, unsigned column)
{
	return &g_array_index(table->cells, struct cell, row * table->columns + column);
}

/* 0: nothing in any row. */
static int width_of(const struct table *table, unsigned column)
{
	int width = 0;

	for (unsigned row = 0; row < table->cells->len / table->columns; row++)
		width = MAX(width, terminal_width(cell_at(table, row, column)->text));
	return width ? MAX(width, terminal_width(table->titles[column])) : 0;
}

static void append(GString *text, const char *shown, int width, const char *on, const char *off)
{
	g_string_append_printf(
		text, "%s%s%s%*s", on, shown, off, width + GAP - terminal_width(shown), "");
}

static void end_row(GString *text)
{
	while (text->len && text->str[text->len - 1] == ' ')
		g_string_truncate(text, text->len - 1);
	g_string_append_c(text, '\n');
}

char *table_format(const struct table *table)
{
	AUTO(gfree) int *widths = g_new(int, table->columns);
	GString *text = g_string_new(NULL);

	for (unsigned column = 0; column < table->columns; column++) {
		widths[column] = width_of(table, column);
		if (widths[column])
			append(text, table->titles[column], widths[column],
				style_on(&table->style, SHADE_BOLD), style_off(&table->style));
	}
	end_row(text);
	for (unsigned row = 0; row < table->cells->len / table->columns; row++) {
		for (unsigned column = 0; column < table->columns; column++) {
			const struct cell *cell = cell_at(table, row, column);
			const char *on = cell->shaded ? style_on(&table->style, cell->shade) : "";

			if (widths[column])
				append(text, *cell->text ? cell->text : "-", widths[column], on,
					cell->shaded ? style_off(&table->style) : "");
		}
		end_row(text);
	}
	return g_string_free(text, FALSE);
}
