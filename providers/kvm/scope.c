/* systemd is asked by its own tool: once for each start of a machine, after it runs. */
#include "scope.h"

#include "base/file.h"
#include "base/process.h"

enum { LIMIT = 3000 };

void scope_enter(const struct machine *m, const char *boot, int64_t pid)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	const struct process_options options = {.stdin_fd = -1, .dies_with_us = true};
	const char *argv[] = {"busctl", geteuid() == 0 ? "--system" : "--user", "--timeout=2",
		"call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		"org.freedesktop.systemd1.Manager", "StartTransientUnit", "ssa(sv)a(sa(sv))",
		arena_printf(arena, "provision-%s-%s-%.8s.scope", m->fleet, m->name, boot), "fail",
		"3", "Description", "s",
		arena_printf(arena, "provision: machine %s/%s", m->fleet, m->name), "CollectMode",
		"s", "inactive-or-failed", "PIDs", "au", "1",
		arena_printf(arena, "%" G_GINT64_FORMAT, pid), "0", NULL};

	if (file_exists("/run/systemd/system") &&
		!process_run(argv, &options, LIMIT, NULL, NULL, NULL, &err))
		error_clear(&err);
}
