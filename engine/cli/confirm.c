/* Within the loop, so that a signal ends it in good order. */
#include "cli/confirm.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>

#include "base/auto.h"
#include "cli/output.h"

enum { LINE_MOST = 64 };

struct asking {
	char line[LINE_MOST];
	size_t length;
	bool over, removed; /* removed: the source of the input */
};

static int on_input(int fd, GIOCondition condition, void *data)
{
	struct asking *asking = data;
	char c;
	ssize_t n = read(fd, &c, 1);

	(void)condition;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return G_SOURCE_CONTINUE;
	if (n <= 0 || c == '\n')
		asking->over = true;
	else if (asking->length < LINE_MOST - 1)
		asking->line[asking->length++] = c;
	/* An end without a line is no answer. */
	if (n <= 0)
		asking->length = 0;
	asking->removed = asking->over;
	return asking->over ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void wait_for_line(struct asking *asking, struct interrupts *interrupts)
{
	unsigned input = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, asking);

	interrupts_watch(interrupts);
	while (!asking->over && !interrupts->signal)
		g_main_context_iteration(NULL, TRUE);
	interrupts_unwatch(interrupts);
	if (!asking->removed)
		g_source_remove(input);
}

enum consent confirm(const char *question, struct interrupts *interrupts)
{
	struct asking asking = {0};
	const char *answer = asking.line;

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return CONSENT_NOBODY;
	output_people("%s [y/N] ", question);
	wait_for_line(&asking, interrupts);
	if (interrupts->signal || !asking.length)
		output_people("\n");
	g_strstrip(asking.line);
	if (interrupts->signal)
		return CONSENT_NO;
	return !g_ascii_strcasecmp(answer, "y") || !g_ascii_strcasecmp(answer, "yes") ? CONSENT_YES
										      : CONSENT_NO;
}
