/* The table of commands. */
#include "cli/command.h"

#include <glib.h>
#include <string.h>

#define FLAG(field) .offset = offsetof(struct invocation, field)
#define TEXT(field, what) .offset = offsetof(struct invocation, field), .argument = (what)

static const char *const color_choices[] = {"auto", "always", "never", NULL};

const struct option global_options[] = {
	{"state-dir", TEXT(state_dir, "DIR"), .doc = "where fleets and images are kept"},
	{"color", TEXT(color, "WHEN"), .choices = color_choices,
		.doc = "auto (on a terminal), always or never"},
	{"verbose", 'v', FLAG(verbose), .doc = "say more"},
	{"help", 'h', FLAG(help), .doc = "explain the command"},
	{"version", FLAG(version), .doc = "print the version"},
	{0},
};

#define YES                                                \
	{                                                  \
		"yes", 'y', FLAG(yes), .doc = "do not ask" \
	}
#define FLEET                                                                                \
	{                                                                                    \
		"fleet", TEXT(fleet, "NAME"), .doc = "a fleet by its name, without its file" \
	}
#define FILE_OPTION                                                        \
	{                                                                  \
		"file", 'f', TEXT(file, "FILE"), .doc = "the fleet's file" \
	}

#define PARALLEL                                                                               \
	{                                                                                      \
		"parallel", TEXT(parallel, "N"), .doc = "do at most N things at the same time" \
	}

#define EVENTS                                                                                 \
	{                                                                                      \
		"json", FLAG(json), .doc = "print what happens as JSON, a line for each event" \
	}

static const struct option plan_options[] = {
	{"exit-code", FLAG(exit_code), .doc = "exit with 2 if there is something to do"},
	{0},
};
static const struct option apply_options[] = {YES, PARALLEL, EVENTS, {0}};
static const struct option destroy_options[] = {YES, FLEET, PARALLEL, EVENTS, {0}};
static const struct option status_options[] = {
	FILE_OPTION,
	FLEET,
	{"json", FLAG(json), .doc = "print one JSON object"},
	{0},
};
static const struct option console_options[] = {FILE_OPTION, FLEET, {0}};
static const struct option ssh_options[] = {
	FILE_OPTION,
	FLEET,
	{"tty", 't', FLAG(tty), .doc = "give the command a terminal"},
	{0},
};

const struct command commands[] = {
	{
		.name = "validate",
		.operand = "[FILE]",
		.doc = "check a fleet file",
		.text = "Checks the file without looking at the world: all that is wrong with it "
			"is\n"
			"shown in one go, each with its place.",
		.examples = "provision validate\nprovision validate lab/fleet.yaml",
		.run = command_validate,
	},
	{
		.name = "plan",
		.operand = "[FILE]",
		.options = plan_options,
		.doc = "show what apply would do",
		.text = "Reads what is there, compares it with the file and prints the steps:\n"
			"  +  create      ~  update     -/+  replace    -  delete\n"
			"  >  wait for    ?  unknown      !  conflict",
		.examples = "provision plan\nprovision plan --exit-code lab/fleet.yaml",
		.run = command_plan,
	},
	{
		.name = "apply",
		.other = "up",
		.operand = "[FILE]",
		.options = apply_options,
		.doc = "make the world as the file says",
		.text = "Prints the plan, asks, and runs exactly that. It returns when everything "
			"is\n"
			"ready. What an interrupted run left undone, the next one does.",
		.examples = "provision apply\nprovision apply --yes lab/fleet.yaml",
		.run = command_apply,
	},
	{
		.name = "destroy",
		.other = "down",
		.operand = "[FILE]",
		.options = destroy_options,
		.doc = "delete all that the fleet has",
		.text = "Prints what will be deleted, asks, and deletes it. Only what bears the\n"
			"fleet's mark is touched. Of the file nothing but the fleet's name counts.",
		.examples = "provision destroy\nprovision destroy --fleet shop --yes",
		.run = command_destroy,
	},
	{
		.name = "status",
		.other = "ps",
		.options = status_options,
		.doc = "list the machines of a fleet",
		.text = "Asks the providers and prints a line for each machine.",
		.examples = "provision status\nprovision status --fleet shop --json",
		.run = command_status,
	},
	{
		.name = "ssh",
		.operand = "MACHINE",
		.needs_operand = true,
		.takes_words = true,
		.options = ssh_options,
		.doc = "log in to a machine, or run a command in it",
		.text = "Runs ssh with the fleet's key and the machine's known host key; nothing "
			"of\n"
			"your own configuration of ssh is used. A command of several words arrives "
			"as\n"
			"these very words; one alone is a line for the shell of the machine. The "
			"exit\n"
			"code is that of ssh.",
		.examples = "provision ssh web-1\nprovision ssh web-1 -- systemctl restart nginx\n"
			    "provision ssh web-1 -- 'cd /srv && ls | wc -l'",
		.run = command_ssh,
	},
	{
		.name = "console",
		.operand = "MACHINE",
		.needs_operand = true,
		.options = console_options,
		.doc = "connect to a machine's serial console",
		.text = "Shows the last lines of the console's log, then connects. Ctrl-] leaves.",
		.examples = "provision console web-1",
		.run = command_console,
	},
	{
		.name = "version",
		.doc = "print the version",
		.text = "Prints the version of the program.",
		.examples = "provision version",
		.run = command_version,
	},
	{
		.name = "help",
		.operand = "[COMMAND]",
		.doc = "explain a command",
		.text = "Explains a command, or lists all of them.",
		.examples = "provision help apply",
		.run = command_help,
	},
	{0},
};

const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name) || (c->other && !strcmp(c->other, name)))
			return c;
	return NULL;
}

const char **command_names(void)
{
	GPtrArray *names = g_ptr_array_new();

	for (const struct command *c = commands; c->name; c++) {
		g_ptr_array_add(names, (void *)c->name);
		if (c->other)
			g_ptr_array_add(names, (void *)c->other);
	}
	g_ptr_array_add(names, NULL);
	return (const char **)g_ptr_array_free(names, FALSE);
}
