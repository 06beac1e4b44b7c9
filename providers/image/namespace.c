/* unshare(1) with a first process of a namespace of process ids: the kernel ends all others when
 * that one ends, however it ends. Without root a namespace of users comes first, in which we are
 * root and the users of /etc/subuid are the others. */
#include "namespace.h"

#include <string.h>
#include <unistd.h>

enum { CHECK_LIMIT = 20000, REMOVE_LIMIT = 300000 };

static const char *const as_root[] = {
	"unshare", "--mount", "--pid", "--fork", "--kill-child", "--", NULL};
static const char *const as_user[] = {"unshare", "--user", "--map-root-user", "--map-auto",
	"--mount", "--pid", "--fork", "--kill-child", "--", NULL};

static GPtrArray *wrap(const char *const *argv)
{
	GPtrArray *all = g_ptr_array_new();

	for (const char *const *p = geteuid() == 0 ? as_root : as_user; *p; p++)
		g_ptr_array_add(all, (void *)*p);
	for (; *argv; argv++)
		g_ptr_array_add(all, (void *)*argv);
	g_ptr_array_add(all, NULL);
	return all;
}

bool namespace_run(const char *const *argv, const struct process_options *options,
	int64_t milliseconds, process_line *line, void *data, struct error **err)
{
	g_autoptr(GPtrArray) all = wrap(argv);
	struct process_options o = *options;

	o.dies_with_us = true;
	return process_run(
		(const char *const *)all->pdata, &o, milliseconds, line, data, NULL, err);
}

bool namespace_check(struct error **err)
{
	static const char *const nothing[] = {"true", NULL};
	const struct process_options options = {.stdin_fd = -1};

	if (namespace_run(nothing, &options, CHECK_LIMIT, NULL, NULL, err))
		return true;
	error_prefix(err, "cannot make namespaces");
	if (geteuid() != 0 && (*err)->class == ERROR_FAILED) {
		(*err)->class = ERROR_DENIED;
		error_hint(err,
			"without root this needs the package 'uidmap', a range for you in "
			"/etc/subuid and /etc/subgid, and user namespaces allowed by the kernel");
	}
	return false;
}

bool namespace_remove(const char *path, struct error **err)
{
	const char *const argv[] = {"rm", "-rf", "--one-file-system", "--", path, NULL};
	const struct process_options options = {.stdin_fd = -1};

	return namespace_run(argv, &options, REMOVE_LIMIT, NULL, NULL, err);
}
