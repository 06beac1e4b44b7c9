/* Keys are made here and handed to the machine, so that even the first connection is verified. */
#include "keys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "common/ssh.h"

enum { KEY_MOST = 65536 };

const char *keys_login_relative(struct arena *arena, const char *fleet)
{
	return arena_printf(arena, "fleets/%s/login_ed25519", fleet);
}

/* A file that has no name yet, or, where the file system has no such files, one that has another.
 */
static int unnamed_open(const char *folder, char **name)
{
	int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	*name = NULL;
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
		return fd;
	*name = g_strdup_printf("%s/.login.XXXXXX", folder);
	return mkostemp(*name, O_CLOEXEC);
}

/* The file gets its name by link(2): of several that come at once one wins, and a killed one leaves
 * nothing. */
static bool create_once(const char *path, const char *text, struct error **err)
{
	AUTO(gfree) char *folder = g_path_get_dirname(path);
	AUTO(gfree) char *name = NULL;
	AUTO(gfree) char *self = NULL;
	AUTO(fd) int fd = -1;
	bool ok;

	if (!dir_make(folder, err))
		return false;
	fd = unnamed_open(folder, &name);
	self = g_strdup_printf("/proc/self/fd/%d", fd);
	ok = fd >= 0 && fd_write_all(fd, text, strlen(text)) && fsync(fd) == 0 &&
	     (linkat(AT_FDCWD, name ? name : self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0 ||
		     errno == EEXIST);
	if (!ok)
		error_set_errno(err, "cannot create '%s'", path);
	if (name)
		unlink(name);
	return ok && dir_sync(folder, err);
}

static const char *read_key(struct arena *arena, const char *path, struct error **err)
{
	AUTO(gfree) char *text = NULL;
	size_t length;

	if (!file_read(path, KEY_MOST, &text, &length, err))
		return NULL;
	return arena_strndup(arena, text, length);
}

const char *keys_login(
	struct arena *arena, const char *state_dir, const char *fleet, struct error **err)
{
	const char *path =
		arena_printf(arena, "%s/%s", state_dir, keys_login_relative(arena, fleet));
	AUTO(gfree) char *private_key = NULL;
	AUTO(gfree) char *public_key = NULL;

	if (!file_exists(path) && (!ssh_pair_make(&private_key, &public_key, err) ||
					  !create_once(path, private_key, err)))
		return NULL;
	return read_key(arena, path, err);
}

/* The folder is not whole yet, so nobody reads a half one; what makes it whole syncs the names. */
static bool write_new(const char *path, const char *text, struct error **err)
{
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0 && fd_write_all(fd, text, strlen(text)) && fsync(fd) == 0)
		return true;
	error_set_errno(err, "cannot create '%s'", path);
	return false;
}

bool keys_host_make(const struct machine *m, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(gfree) char *private_key = NULL;
	AUTO(gfree) char *public_key = NULL;
	const char *known;

	if (!ssh_pair_make(&private_key, &public_key, err))
		return false;
	known = arena_printf(arena, "%s %s\n", m->name, public_key);
	return write_new(machine_path(arena, m, "host_ed25519"), private_key, err) &&
	       write_new(machine_path(arena, m, "known_hosts"), known, err);
}

bool keys_host_load(struct arena *arena, const struct machine *m, const char **private_key,
	const char **public_key, struct error **err)
{
	*private_key = read_key(arena, machine_path(arena, m, "host_ed25519"), err);
	*public_key = *private_key ? keys_public(arena, *private_key, err) : NULL;
	return *public_key || error_prefix(err, "host key");
}

const char *keys_public(struct arena *arena, const char *private_key, struct error **err)
{
	AUTO(gfree) char *line = ssh_pair_public(private_key, err);

	return line ? arena_strdup(arena, line) : NULL;
}
