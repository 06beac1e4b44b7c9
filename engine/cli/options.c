/* Options may stand anywhere on the line; `--` ends them, and so does the first word of a command
 * for a machine. */
#include "cli/options.h"

#include <string.h>

#include "base/text.h"

struct parser {
	struct invocation *invocation;
	char **next; /* what has not been looked at yet */
	bool ended;  /* by `--` */
};

static void see_help(const struct parser *p, struct error **err)
{
	AUTO(gfree) char *before = (*err)->hint ? g_strconcat((*err)->hint, "\n", NULL) : NULL;
	const struct command *command = p->invocation->command;

	error_hint(err, "%ssee 'provision help%s%s'", before ? before : "", command ? " " : "",
		command ? command->name : "");
}

static const struct option *find_by(
	const struct option *table, const char *name, size_t length, char letter)
{
	for (; table && table->name; table++)
		if (name ? strlen(table->name) == length && !strncmp(table->name, name, length)
			 : table->letter == letter)
			return table;
	return NULL;
}

/* By its name, or by its letter when the name is NULL. */
static const struct option *find(
	const struct parser *p, const char *name, size_t length, char letter)
{
	const struct command *command = p->invocation->command;
	const struct option *option = find_by(global_options, name, length, letter);

	if (option || !command)
		return option;
	return find_by(command->options, name, length, letter);
}

static void add_names(GPtrArray *names, const struct option *table)
{
	for (; table && table->name; table++)
		g_ptr_array_add(names, g_strconcat("--", table->name, NULL));
}

/* What is usual elsewhere. */
static bool hint_usual(const struct parser *p, const char *given, struct error **err)
{
	const struct command *command = p->invocation->command;
	bool file = !strncmp(given, "-f", 2) || !strncmp(given, "--file", 6);

	if (file && command && command->operand && strstr(command->operand, "FILE"))
		error_hint(err, "the file needs no option: provision %s FILE", command->name);
	else if (strstr(given, "auto-approve") && find(p, "yes", 3, 0))
		error_hint(err, "did you mean '--yes'?");
	return (*err)->hint != NULL;
}

static bool refuse_option(const struct parser *p, const char *given, struct error **err)
{
	const struct command *command = p->invocation->command;
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	AUTO(gfree) char *shown = text_escape(given, strcspn(given, "="));
	const char *near;

	if (command)
		error_set(err, ERROR_USAGE, "'%s' has no option '%s'", command->name, shown);
	else
		error_set(err, ERROR_USAGE, "there is no option '%s' before the command", shown);
	if (hint_usual(p, given, err))
		return false;
	add_names(names, global_options);
	if (command)
		add_names(names, command->options);
	g_ptr_array_add(names, NULL);
	near = text_suggest(shown, (const char *const *)names->pdata);
	if (near && strcmp(near, shown) && shown[1] == '-')
		error_hint(err, "did you mean '%s'?", near);
	return false;
}

static bool is_choice(const struct option *option, const char *value)
{
	for (const char *const *c = option->choices; c && *c; c++)
		if (!strcmp(*c, value))
			return true;
	return !option->choices;
}

static bool refuse_choice(const struct option *option, const char *value, struct error **err)
{
	AUTO(gfree) char *shown = text_escape(value, strlen(value));
	AUTO(gfree) char *all = g_strjoinv(", ", (char **)option->choices);

	error_set(err, ERROR_USAGE, "'--%s' cannot be '%s'", option->name, shown);
	error_hint(err, "it is one of: %s", all);
	return false;
}

/* `value` is what follows directly, as in --name=VALUE and -nVALUE, or NULL. */
static bool take(
	struct parser *p, const struct option *option, const char *value, struct error **err)
{
	char *into = (char *)p->invocation + option->offset;

	if (!option->argument && value) {
		error_set(err, ERROR_USAGE, "'--%s' takes no value", option->name);
		return false;
	}
	if (!option->argument)
		return *(bool *)(void *)into = true;
	if (!value && *p->next)
		value = *p->next++;
	if (!value || !*value) {
		error_set(err, ERROR_USAGE, "'--%s' needs a value: %s", option->name,
			option->argument);
		return false;
	}
	if (!is_choice(option, value))
		return refuse_choice(option, value, err);
	*(const char **)(void *)into = value;
	return true;
}

static bool take_long(struct parser *p, const char *given, struct error **err)
{
	const char *name = given + 2, *equals = strchr(name, '=');
	size_t length = equals ? (size_t)(equals - name) : strlen(name);
	const struct option *option = find(p, name, length, 0);

	if (!option)
		return refuse_option(p, given, err);
	return take(p, option, equals ? equals + 1 : NULL, err);
}

/* One or more letters: -v, -vy, -fFILE. */
static bool take_short(struct parser *p, const char *given, struct error **err)
{
	for (const char *letter = given + 1; *letter; letter++) {
		const struct option *option = find(p, NULL, 0, *letter);
		const char *rest = letter[1] ? letter + 1 : NULL;

		if (!option)
			return refuse_option(p, given, err);
		if (option->argument)
			return take(p, option, rest, err);
		if (!take(p, option, NULL, err))
			return false;
	}
	return true;
}

static bool take_command(struct parser *p, const char *name, struct error **err)
{
	AUTO(gfree) char *shown = text_escape(name, strlen(name));
	AUTO(gfree) const char **names = NULL;
	const char *near;

	p->invocation->command = command_find(name);
	if (p->invocation->command)
		return true;
	error_set(err, ERROR_USAGE, "there is no command '%s'", shown);
	names = command_names();
	near = text_suggest(name, names);
	if (near)
		error_hint(err, "did you mean '%s'?", near);
	return false;
}

static bool take_operand(struct parser *p, const char *given, struct error **err)
{
	const struct command *command = p->invocation->command;
	AUTO(gfree) char *shown = text_escape(given, strlen(given));
	bool optional = command && command->operand && command->operand[0] == '[';

	if (!command)
		return take_command(p, given, err);
	if (!command->operand) {
		error_set(err, ERROR_USAGE, "'%s' takes nothing, not '%s'", command->name, shown);
		return false;
	}
	if (!*given) {
		error_set(err, ERROR_USAGE, "'%s' was given an empty name", command->name);
		return false;
	}
	if (p->invocation->operand) {
		error_set(err, ERROR_USAGE, "'%s' takes one %.*s alone, not '%s' as well",
			command->name, (int)strcspn(command->operand + optional, "]"),
			command->operand + optional, shown);
		return false;
	}
	p->invocation->operand = given;
	return true;
}

/* True if the rest of the line is for inside the machine. */
static bool rest_is_words(const struct parser *p)
{
	return p->invocation->operand && p->invocation->command->takes_words;
}

static void take_words(struct parser *p)
{
	if (*p->next)
		p->invocation->words = (const char *const *)p->next;
	while (*p->next)
		p->next++;
}

static bool take_next(struct parser *p, struct error **err)
{
	const char *given = *p->next;
	bool is_option = !p->ended && given[0] == '-' && given[1];

	if (is_option && !strcmp(given, "--")) {
		p->next++;
		p->ended = true;
		return true;
	}
	if (!is_option && rest_is_words(p)) {
		take_words(p);
		return true;
	}
	p->next++;
	if (!is_option)
		return take_operand(p, given, err);
	return given[1] == '-' ? take_long(p, given, err) : take_short(p, given, err);
}

static bool check_whole(const struct parser *p, struct error **err)
{
	const struct invocation *i = p->invocation;

	if (!i->command || i->help || i->version)
		return true;
	if (i->command->needs_operand && !i->operand) {
		error_set(
			err, ERROR_USAGE, "'%s' needs a %s", i->command->name, i->command->operand);
		return false;
	}
	if (i->fleet && (i->file || i->operand) && !i->command->needs_operand) {
		error_set(err, ERROR_USAGE, "give a file or '--fleet', not both");
		return false;
	}
	if (i->fleet && i->file) {
		error_set(err, ERROR_USAGE, "give '--file' or '--fleet', not both");
		return false;
	}
	return true;
}

bool options_parse(int argc, char **argv, struct invocation *invocation, struct error **err)
{
	struct parser p = {.invocation = invocation, .next = argv + (argc > 0)};
	bool ok = true;

	memset(invocation, 0, sizeof(*invocation));
	while (ok && *p.next)
		ok = take_next(&p, err);
	if (ok && check_whole(&p, err))
		return true;
	see_help(&p, err);
	return false;
}
