/* Sources of the main loop, one for each signal. */
#include "run/interrupt.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdbool.h>

static void come(struct interrupts *interrupts, int signal)
{
	if (!interrupts->signal)
		interrupts->signal = signal;
	if (interrupts->call)
		interrupts->call(interrupts->data, signal);
}

static int on_hup(void *data)
{
	come(data, SIGHUP);
	return G_SOURCE_CONTINUE;
}

static int on_int(void *data)
{
	come(data, SIGINT);
	return G_SOURCE_CONTINUE;
}

static int on_term(void *data)
{
	come(data, SIGTERM);
	return G_SOURCE_CONTINUE;
}

/* Under nohup, for instance. */
static bool is_ignored(int signal)
{
	struct sigaction now;

	return sigaction(signal, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

void interrupts_watch(struct interrupts *interrupts)
{
	if (interrupts->watched++)
		return;
	interrupts->sources[0] = g_unix_signal_add(SIGINT, on_int, interrupts);
	interrupts->sources[1] = g_unix_signal_add(SIGTERM, on_term, interrupts);
	interrupts->sources[2] =
		is_ignored(SIGHUP) ? 0 : g_unix_signal_add(SIGHUP, on_hup, interrupts);
}

void interrupts_unwatch(struct interrupts *interrupts)
{
	if (--interrupts->watched)
		return;
	for (unsigned i = 0; i < G_N_ELEMENTS(interrupts->sources); i++)
		if (interrupts->sources[i])
			g_source_remove(interrupts->sources[i]);
}
