/* provision help, provision version. */
#include "base/text.h"
#include "cli/help.h"
#include "cli/output.h"

#include <string.h>

static int refuse(const char *name)
{
	AUTO(gfree) char *shown = text_escape(name, strlen(name));
	AUTO(gfree) const char **names = command_names();
	const char *near = text_suggest(name, names);
	AUTO(error) struct error *err = NULL;

	error_set(&err, ERROR_USAGE, "there is no command '%s'", shown);
	if (near)
		error_hint(&err, "did you mean '%s'?\nsee 'provision help'", near);
	else
		error_hint(&err, "see 'provision help'");
	return output_error(err);
}

int command_help(const struct invocation *invocation)
{
	const char *name = invocation->operand;
	const struct command *command = name ? command_find(name) : NULL;
	AUTO(gfree) char *text = NULL;

	if (name && !command)
		return refuse(name);
	text = command ? help_command(command) : help_overview();
	output_data(text);
	return EXIT_DONE;
}

int command_version(const struct invocation *invocation)
{
	(void)invocation;
	output_data("provision " PROVISION_VERSION "\n");
	return EXIT_DONE;
}
