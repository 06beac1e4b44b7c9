/* flock(2): bound to the open file, so duplicates in children keep it and the last close frees it.
 */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/text.h"

enum { PROBE_TRIES = 100, PROBE_PAUSE = 1, REMOVED_TRIES = 100 };

static void name_holder(int fd, const char *path, struct error **err)
{
	char text[512] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	AUTO(gfree) char *shown = NULL;

	if (n > 0)
		shown = text_escape(g_strchomp(text), strlen(text));
	error_set(err, ERROR_CONFLICT, "locked by %s", shown && *shown ? shown : "another process");
	error_hint(
		err, "wait until it has ended; the lock goes with its last process ('%s')", path);
}

/* False if the file was removed by its last holder while we waited at its door: what is locked then
 * is a file that nobody else can find. */
static bool still_there(int fd, const char *path)
{
	struct stat mine, named;

	return fstat(fd, &mine) == 0 && lstat(path, &named) == 0 && mine.st_ino == named.st_ino &&
	       mine.st_dev == named.st_dev;
}

/* Whoever asks lock_held() shares it for an instant. Where it can be shared, there is nobody but
 * such ones, and it is tried again. */
static bool lock_now(int fd)
{
	for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
		if (tries == PROBE_TRIES || errno != EWOULDBLOCK ||
			flock(fd, LOCK_SH | LOCK_NB) < 0)
			return false;
		flock(fd, LOCK_UN);
		poll(NULL, 0, PROBE_PAUSE);
	}
	return true;
}

/* The descriptor of the file that is at the path and ours, or -1 after an error. */
static int open_locked(const char *path, struct error **err)
{
	for (int tries = 0; tries < REMOVED_TRIES; tries++) {
		AUTO(fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0) {
			error_set_errno(err, "cannot open lock '%s'", path);
			return -1;
		}
		if (!lock_now(fd)) {
			if (errno == EWOULDBLOCK)
				name_holder(fd, path, err);
			else
				error_set_errno(err, "cannot lock '%s'", path);
			return -1;
		}
		if (still_there(fd, path))
			return fd_steal(&fd);
	}
	error_set(err, ERROR_CONFLICT, "the lock '%s' is removed time and again", path);
	return -1;
}

/* A full disk must not keep anybody from what frees it: without its text the lock is as good. What
 * is there is written over, so that it needs no new space. */
static void write_holder(int fd, const char *holder)
{
	ssize_t n = pwrite(fd, holder, strlen(holder), 0);

	if (ftruncate(fd, MAX(0, n)) < 0)
		return;
}

bool lock_take(const char *path, const char *holder, int *out, struct error **err)
{
	AUTO(fd) int fd = open_locked(path, err);

	if (fd < 0)
		return false;
	write_holder(fd, holder);
	*out = fd_steal(&fd);
	return true;
}

/* Shared, so that two who ask at once do not take each other for a holder. */
bool lock_held(const char *path)
{
	AUTO(fd) int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno != ENOENT && errno != ENOTDIR;
	return flock(fd, LOCK_SH | LOCK_NB) < 0;
}
