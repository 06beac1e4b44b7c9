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

/* What lies below the place is hidden by the mount, and the folder's neighbours are needed. */
const char *namespace_folder(const char *folder)
{
	char *real = realpath(folder, NULL);
	const char *path = real ? real : folder;
	bool below = g_str_has_prefix(path, "/mnt") && (path[4] == '/' || !path[4]);

	free(real);
	return below ? "/media" : "/mnt";
}

/* Arguments are the script's, never a part of it. */
static const char bind_script[] = "mount --bind -- \"$0\" \"$1\" && shift && exec \"$@\"";

static GPtrArray *wrap(const char *const *argv, const char *folder)
{
	const char *const bind[] = {
		"sh", "-c", bind_script, folder, folder ? namespace_folder(folder) : NULL};
	GPtrArray *all = g_ptr_array_new();

	for (const char *const *p = geteuid() == 0 ? as_root : as_user; *p; p++)
		g_ptr_array_add(all, (void *)*p);
	for (size_t i = 0; folder && i < G_N_ELEMENTS(bind); i++)
		g_ptr_array_add(all, (void *)bind[i]);
	for (; *argv; argv++)
		g_ptr_array_add(all, (void *)*argv);
	g_ptr_array_add(all, NULL);
	return all;
}

bool namespace_run(const char *const *argv, const char *folder,
	const struct process_options *options, int64_t milliseconds, process_line *line, void *data,
	struct error **err)
{
	g_autoptr(GPtrArray) all = wrap(argv, folder);
	struct process_options o = *options;

	o.dies_with_us = true;
	return process_run(
		(const char *const *)all->pdata, &o, milliseconds, line, data, NULL, err);
}

bool namespace_check(struct error **err)
{
	static const char *const nothing[] = {"true", NULL};
	const struct process_options options = {.stdin_fd = -1};

	if (namespace_run(nothing, NULL, &options, CHECK_LIMIT, NULL, NULL, err))
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

	return namespace_run(argv, NULL, &options, REMOVE_LIMIT, NULL, NULL, err);
}
