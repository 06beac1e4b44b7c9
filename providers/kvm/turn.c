/* All machines of a fleet share one file, in which each name has a byte of its own to lock: so no
 * file comes and goes with a machine, whose folder an operation may rename or remove. */
#include "turn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "base/file.h"
#include "base/id.h"
#include "base/text.h"
#include "machine.h"

enum { LIMIT = 60000, PAUSE_FIRST = 2, PAUSE_MOST = 200, QUIET = 1000, DIGITS = 15 };

static off_t byte_of(const char *name)
{
	AUTO(gfree) char *digest = id_digest(name, strlen(name));

	digest[DIGITS] = '\0';
	return (off_t)g_ascii_strtoull(digest, NULL, 16);
}

static int file_open(const struct call *call, struct error **err)
{
	const char *folder = machine_parent(call->arena, call->state_dir, call->fleet);
	const char *path = arena_printf(call->arena, "%s/.lock", folder);
	int fd;

	if (!dir_make(folder, err))
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		error_set_errno(err, "cannot open lock '%s'", path);
	return fd;
}

/* False with *err unset while somebody else has it. */
static bool try(int fd, const char *name, struct error **err)
{
	struct flock lock = {
		.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte_of(name), .l_len = 1};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return true;
	if (errno != EAGAIN && errno != EACCES)
		error_set_errno(err, "cannot lock machine '%s'", name);
	return false;
}

bool turn_take(struct call *call, const struct object *object, int *fd, struct error **err)
{
	int64_t start = clock_now(), pause = PAUSE_FIRST;
	bool told = false;

	*fd = file_open(call, err);
	while (*fd >= 0 && !try(*fd, object->name, err) && !*err) {
		if (clock_now() - start >= LIMIT) {
			error_set(err, ERROR_CONFLICT, "another operation on it does not end");
			error_hint(err, "try again when the other run has ended");
			break;
		}
		if (!told && clock_now() - start >= QUIET) {
			emit_progress(call, object, "waiting for another operation on it");
			told = true;
		}
		poll(NULL, 0, (int)pause);
		pause = MIN(pause * 2, PAUSE_MOST);
	}
	return !*err;
}
