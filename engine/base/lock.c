/* flock(2): bound to the open file, so duplicates in children keep it and the last close frees it.
 */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

static void name_holder(int fd, const char *path, struct error **err)
{
	char text[512] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n > 0)
		g_strchomp(text);
	error_set(err, ERROR_CONFLICT, "locked by %s", n > 0 ? text : "another process");
	error_hint(
		err, "wait until it has ended; the lock goes with its last process ('%s')", path);
}

/* False if the file was removed by its last holder while we waited at its door. */
static bool still_there(int fd, const char *path)
{
	struct stat mine, named;

	return fstat(fd, &mine) == 0 && lstat(path, &named) == 0 && mine.st_ino == named.st_ino &&
	       mine.st_dev == named.st_dev;
}

bool lock_take(const char *path, const char *holder, int *out, struct error **err)
{
	AUTO(fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		error_set_errno(err, "cannot open lock '%s'", path);
		return false;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			name_holder(fd, path, err);
		else
			error_set_errno(err, "cannot lock '%s'", path);
		return false;
	}
	if (!still_there(fd, path)) {
		error_set(err, ERROR_CONFLICT, "the lock was just removed by its last holder");
		error_hint(err, "try again");
		return false;
	}
	if (ftruncate(fd, 0) < 0 || pwrite(fd, holder, strlen(holder), 0) < 0) {
		error_set_errno(err, "cannot write lock '%s'", path);
		return false;
	}
	*out = fd_steal(&fd);
	return true;
}

bool lock_held(const char *path)
{
	AUTO(fd) int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}
