/* Files. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

bool fd_write_all(int fd, const void *data, size_t length)
{
	const char *p = data;

	while (length) {
		ssize_t n = write(fd, p, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		p += n;
		length -= n;
	}
	return true;
}

bool fd_cloexec(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0)
		return false;
	return fcntl(fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC) == 0;
}

bool file_exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static bool read_all(int fd, GString *text, size_t most)
{
	char buffer[65536];

	for (;;) {
		ssize_t n = read(fd, buffer, sizeof(buffer));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			return true;
		g_string_append_len(text, buffer, n);
		if (text->len > most) {
			errno = EFBIG;
			return false;
		}
	}
}

bool file_read(const char *path, size_t most, char **text, size_t *length, struct error **err)
{
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	GString *all;

	if (fd < 0 && errno == ENOENT) {
		error_set(err, ERROR_MISSING, "cannot open '%s': No such file or directory", path);
		return false;
	}
	if (fd < 0 || fstat(fd, &st) < 0) {
		error_set_errno(err, "cannot open '%s'", path);
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		error_set(err, ERROR_FAILED, "'%s' is not a regular file", path);
		return false;
	}
	all = g_string_sized_new(st.st_size + 1 < 65536 ? st.st_size + 1 : 65536);
	if (!read_all(fd, all, most)) {
		error_set_errno(err, "cannot read '%s'", path);
		g_string_free(all, TRUE);
		return false;
	}
	*length = all->len;
	*text = g_string_free(all, FALSE);
	return true;
}

bool dir_sync(const char *path, struct error **err)
{
	AUTO(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0) {
		error_set_errno(err, "cannot sync '%s'", path);
		return false;
	}
	return true;
}

static bool fill(int fd, const void *data, size_t length, mode_t mode)
{
	return fd_write_all(fd, data, length) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
}

bool file_write(const char *path, const void *data, size_t length, mode_t mode, struct error **err)
{
	AUTO(gfree) char *temporary = g_strdup_printf("%s.XXXXXX", path);
	AUTO(gfree) char *folder = g_path_get_dirname(path);
	AUTO(fd) int fd = mkostemp(temporary, O_CLOEXEC);

	if (fd < 0) {
		error_set_errno(err, "cannot create '%s'", temporary);
		return false;
	}
	if (!fill(fd, data, length, mode) || rename(temporary, path) < 0) {
		error_set_errno(err, "cannot write '%s'", path);
		unlink(temporary);
		return false;
	}
	return dir_sync(folder, err);
}

bool dir_make(const char *path, struct error **err)
{
	AUTO(gfree) char *copy = g_strdup(path);

	for (char *p = copy + 1;; p++) {
		char saved = *p;

		if (saved != '/' && saved)
			continue;
		*p = '\0';
		if (mkdir(copy, 0700) == 0) {
			if (chmod(copy, 0700) < 0) {
				error_set_errno(err, "cannot set the mode of '%s'", copy);
				return false;
			}
		} else if (errno != EEXIST) {
			error_set_errno(err, "cannot create folder '%s'", copy);
			return false;
		}
		if (!saved)
			return true;
		*p = saved;
	}
}

static bool remove_at(int parent, const char *name, dev_t device);

/* Takes fd. */
static bool empty(int fd, dev_t device)
{
	AUTO(dir) DIR *dir = fdopendir(fd);
	struct dirent *entry;

	if (!dir) {
		close(fd);
		return false;
	}
	while ((errno = 0, entry = readdir(dir)) != NULL) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (!remove_at(dirfd(dir), entry->d_name, device))
			return false;
	}
	return errno == 0;
}

static bool remove_at(int parent, const char *name, dev_t device)
{
	struct stat st;
	int fd;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno != EISDIR && errno != EPERM)
		return false;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT;
	if (fstat(fd, &st) < 0 || (device && st.st_dev != device)) {
		close(fd);
		errno = EXDEV;
		return false;
	}
	if (!empty(fd, st.st_dev))
		return false;
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

bool tree_remove(const char *path, struct error **err)
{
	if (remove_at(AT_FDCWD, path, 0))
		return true;
	error_set_errno(err, "cannot remove '%s'", path);
	return false;
}
