/* openat2(2) with the tree as root for every name but the last, which is never followed. */
#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/file.h"

static int open_inside(int tree, const char *path, int flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return syscall(SYS_openat2, tree, path, &how, sizeof(how));
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The folder that a path lies in; made when it is missing. -1 with errno. */
static int open_parent(int tree, const char *path)
{
	const char *name = last_part(path);
	AUTO(gfree)
	char *parent = name == path ? g_strdup(".") : g_strndup(path, name - path - 1);
	AUTO(fd) int above = -1;
	int fd = open_inside(tree, parent, O_RDONLY | O_DIRECTORY);

	if (fd >= 0 || errno != ENOENT || name == path)
		return fd;
	above = open_parent(tree, parent);
	if (above < 0 || mkdirat(above, last_part(parent), 0755) < 0)
		return -1;
	fd = openat(above, last_part(parent), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && fchmod(fd, 0755) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int tree_open(const char *path, struct error **err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		error_set_errno(err, "cannot open folder '%s'", path);
	return fd;
}

static bool replace_file(int parent, const char *name, const char *text, mode_t mode)
{
	AUTO(fd) int fd = -1;

	if (unlinkat(parent, name, 0) < 0 && errno != ENOENT)
		return false;
	fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	return fd >= 0 && fd_write_all(fd, text, strlen(text)) && fchmod(fd, mode) == 0;
}

bool tree_write(int tree, const char *path, const char *text, mode_t mode, struct error **err)
{
	AUTO(fd) int parent = open_parent(tree, path);

	if (parent >= 0 && replace_file(parent, last_part(path), text, mode))
		return true;
	error_set_errno(err, "cannot write '/%s' of the image", path);
	return false;
}

bool tree_link(int tree, const char *path, const char *target, struct error **err)
{
	AUTO(fd) int parent = open_parent(tree, path);
	const char *name = last_part(path);

	if (parent >= 0 && (unlinkat(parent, name, 0) == 0 || errno == ENOENT) &&
		symlinkat(target, parent, name) == 0)
		return true;
	error_set_errno(err, "cannot link '/%s' of the image", path);
	return false;
}

DIR *tree_folder(int tree, const char *path, struct error **err)
{
	int fd = open_inside(tree, path, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir)
		return dir;
	error_set_errno(err, "cannot open folder '/%s' of the image", path);
	if (fd >= 0)
		close(fd);
	return NULL;
}

static bool drop_matching(DIR *dir, const char *pattern)
{
	struct dirent *entry;

	while ((errno = 0, entry = readdir(dir)) != NULL) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
			fnmatch(pattern, entry->d_name, 0))
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) < 0 && errno != EISDIR)
			return false;
	}
	return errno == 0;
}

bool tree_drop(int tree, const char *pattern, struct error **err)
{
	const char *name = last_part(pattern);
	AUTO(gfree)
	char *parent = name == pattern ? g_strdup(".") : g_strndup(pattern, name - pattern - 1);
	AUTO(dir) DIR *dir = NULL;
	int fd = open_inside(tree, parent, O_RDONLY | O_DIRECTORY);

	if (fd < 0 && errno == ENOENT)
		return true;
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir && drop_matching(dir, name))
		return true;
	error_set_errno(err, "cannot remove '/%s' of the image", pattern);
	if (!dir && fd >= 0)
		close(fd);
	return false;
}

int tree_read(int tree, const char *path, struct error **err)
{
	int fd = open_inside(tree, path, O_RDONLY | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		error_set_errno(err, "cannot open '/%s' of the image", path);
	return fd;
}
