/* Fits into 80 columns. */
#include "cli/help.h"

#include <string.h>

enum { NAME_COLUMN = 22 };

static void add_option(GString *text, const struct option *option)
{
	GString *left = g_string_new(NULL);

	if (option->letter)
		g_string_append_printf(left, "-%c, ", option->letter);
	else
		g_string_append(left, "    ");
	g_string_append_printf(left, "--%s", option->name);
	if (option->argument)
		g_string_append_printf(left, " %s", option->argument);
	g_string_append_printf(text, "  %-*s  %s\n", NAME_COLUMN, left->str, option->doc);
	g_string_free(left, TRUE);
}

static void add_options(GString *text, const char *title, const struct option *table)
{
	if (!table || !table->name)
		return;
	g_string_append_printf(text, "\n%s:\n", title);
	for (; table->name; table++)
		add_option(text, table);
}

static void add_lines(GString *text, const char *lines)
{
	g_auto(GStrv) all = g_strsplit(lines, "\n", -1);

	for (char **line = all; *line; line++)
		g_string_append_printf(text, "  %s\n", *line);
}

char *help_overview(void)
{
	GString *text = g_string_new("provision: machines as one file says\n\n"
				     "usage: provision [OPTION...] COMMAND [ARGUMENT...]\n\n"
				     "commands:\n");

	for (const struct command *c = commands; c->name; c++) {
		AUTO(gfree)
		char *left = g_strdup_printf("%s %s", c->name, c->operand ? c->operand : "");

		g_string_append_printf(text, "  %-*s  %s\n", NAME_COLUMN, left, c->doc);
	}
	g_string_append(text, "\nother names:");
	for (const struct command *c = commands; c->name; c++)
		if (c->other)
			g_string_append_printf(text, "  %s = %s", c->other, c->name);
	g_string_append_c(text, '\n');
	add_options(text, "options, anywhere on the line", global_options);
	g_string_append(text, "\nWithout FILE, fleet.yaml of this folder is meant.\n"
			      "'provision help COMMAND' explains a command.\n");
	return g_string_free(text, FALSE);
}

char *help_command(const struct command *command)
{
	GString *text = g_string_new(NULL);

	g_string_append_printf(text, "usage: provision %s", command->name);
	if (command->options)
		g_string_append(text, " [OPTION...]");
	if (command->operand)
		g_string_append_printf(text, " %s", command->operand);
	if (command->takes_words)
		g_string_append(text, " [-- COMMAND [ARGUMENT...]]");
	g_string_append_printf(text, "\n\n%s\n", command->text);
	if (command->other)
		g_string_append_printf(text, "\n'%s' is another name of it.\n", command->other);
	add_options(text, "options", command->options);
	add_options(text, "options of every command", global_options);
	g_string_append(text, "\nfor example:\n");
	add_lines(text, command->examples);
	return g_string_free(text, FALSE);
}
