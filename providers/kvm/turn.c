/* The lock lies beside the machine's folder, which an operation may rename or remove. */
#include "turn.h"

#include <poll.h>

#include "base/file.h"
#include "base/lock.h"
#include "base/text.h"
#include "machine.h"

enum { LIMIT = 60000, PAUSE_FIRST = 2, PAUSE_MOST = 200, QUIET = 1000 };

static const char *lock_path(const struct call *call, const char *name)
{
	return arena_printf(call->arena, "%s/.%s.lock",
		machine_parent(call->arena, call->state_dir, call->fleet), name);
}

bool turn_take(struct call *call, const struct object *object, int *fd, struct error **err)
{
	const char *path = lock_path(call, object->name);
	const char *holder = arena_printf(
		call->arena, "'%s' of %s, process %d", call->name, object->address, (int)getpid());
	int64_t start = clock_now(), pause = PAUSE_FIRST;
	bool told = false;

	if (!dir_make(machine_parent(call->arena, call->state_dir, call->fleet), err))
		return false;
	while (!lock_take(path, holder, fd, err)) {
		if ((*err)->class != ERROR_CONFLICT || clock_now() - start >= LIMIT)
			return false;
		if (!told && clock_now() - start >= QUIET) {
			emit_progress(call, object, "waiting: %s", (*err)->message);
			told = true;
		}
		error_clear(err);
		poll(NULL, 0, (int)pause);
		pause = MIN(pause * 2, PAUSE_MOST);
	}
	return true;
}

void turn_remove(const struct call *call, const char *name)
{
	unlink(lock_path(call, name));
}
