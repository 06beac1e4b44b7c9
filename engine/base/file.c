/* Files. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/id.h"

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

struct content {
	const void *data;
	size_t length;
	mode_t mode;
};

static bool rename_or_unlink(const char *temporary, const char *path)
{
	int code;

	if (rename(temporary, path) == 0)
		return true;
	code = errno;
	unlink(temporary);
	errno = code;
	return false;
}

/* Writes and syncs a file that has no name yet: killed meanwhile, it is gone. False with errno,
 * also where the file system or a missing /proc does not allow it. */
static bool write_unnamed(const char *folder, const char *path, const struct content *content)
{
	AUTO(fd) int fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	AUTO(gfree) char *id = NULL, *temporary = NULL, *self = NULL;

	if (fd < 0 || !fill(fd, content->data, content->length, content->mode))
		return false;
	id = id_random();
	temporary = g_strdup_printf("%s.%s", path, id);
	self = g_strdup_printf("/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, temporary, AT_SYMLINK_FOLLOW) == 0 &&
	       rename_or_unlink(temporary, path);
}

static bool write_named(const char *path, const struct content *content)
{
	AUTO(gfree) char *temporary = g_strdup_printf("%s.XXXXXX", path);
	AUTO(fd) int fd = mkostemp(temporary, O_CLOEXEC);
	int code;

	if (fd < 0)
		return false;
	if (fill(fd, content->data, content->length, content->mode))
		return rename_or_unlink(temporary, path);
	code = errno;
	unlink(temporary);
	errno = code;
	return false;
}

bool file_write(const char *path, const void *data, size_t length, mode_t mode, struct error **err)
{
	AUTO(gfree) char *folder = g_path_get_dirname(path);
	const struct content content = {data, length, mode};

	if (!write_unnamed(folder, path, &content) && !write_named(path, &content)) {
		error_set_errno(err, "cannot write '%s'", path);
		return false;
	}
	return dir_sync(folder, err);
}

static bool is_folder(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode);
}

bool dir_make(const char *path, struct error **err)
{
	AUTO(gfree) char *copy = g_strdup(*path ? path : ".");

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
		} else if (errno != EEXIST || !is_folder(copy)) {
			error_set_errno(err, "cannot create folder '%s'", copy);
			return false;
		}
		if (!saved)
			return true;
		*p = saved;
	}
}

/* Where a folder lies: the file system alone would not tell a bind mount of the same one. */
struct place {
	uint64_t device, mount;
};

static bool place_of(int fd, struct place *place)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
		return false;
	place->device = (uint64_t)st.stx_dev_major << 32 | st.stx_dev_minor;
	place->mount = st.stx_mask & STATX_MNT_ID ? st.stx_mnt_id : 0;
	return true;
}

static bool remove_at(int parent, const char *name, const struct place *above);

/* Takes fd. */
static bool empty(int fd, const struct place *place)
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
		if (!remove_at(dirfd(dir), entry->d_name, place))
			return false;
	}
	return errno == 0;
}

static bool remove_at(int parent, const char *name, const struct place *above)
{
	struct place place;
	int fd;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno != EISDIR && errno != EPERM)
		return false;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT;
	if (!place_of(fd, &place) ||
		(above && (place.device != above->device || place.mount != above->mount))) {
		close(fd);
		errno = EXDEV;
		return false;
	}
	if (!empty(fd, &place))
		return false;
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

bool tree_remove(const char *path, struct error **err)
{
	if (remove_at(AT_FDCWD, path, NULL))
		return true;
	error_set_errno(err, "cannot remove '%s'", path);
	return false;
}
