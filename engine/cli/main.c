/* The program provision. */
#include "cli/help.h"
#include "cli/options.h"
#include "cli/output.h"

static int explain(const struct command *command)
{
	AUTO(gfree) char *text = command ? help_command(command) : help_overview();

	output_data(text);
	return EXIT_DONE;
}

static int nothing_said(void)
{
	AUTO(gfree) char *text = help_overview();

	output_people_text(text);
	return EXIT_WRONG_USAGE;
}

static int run(int argc, char **argv)
{
	struct invocation invocation;
	AUTO(error) struct error *err = NULL;
	bool ok = options_parse(argc, argv, &invocation, &err);

	if (invocation.help)
		return explain(invocation.command);
	if (invocation.version)
		return command_version(&invocation);
	if (!ok)
		return output_error(err);
	if (!invocation.command)
		return nothing_said();
	return invocation.command->run(&invocation);
}

int main(int argc, char **argv)
{
	output_open();
	return output_close(run(argc, argv));
}
