/* Variables that release what they hold when they leave their scope: AUTO(fd) int fd = -1; */
#ifndef BASE_AUTO_H
#define BASE_AUTO_H

#include <dirent.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AUTO(what) __attribute__((cleanup(auto_##what)))
#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(at, first) __attribute__((format(printf, at, first)))

static inline void auto_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void auto_free(void *p)
{
	free(*(void **)p);
}

static inline void auto_gfree(void *p)
{
	g_free(*(void **)p);
}

static inline void auto_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

static inline void auto_stream(FILE **stream)
{
	if (*stream)
		fclose(*stream);
}

/* Hands the descriptor on: the variable no longer closes it. */
static inline int fd_steal(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif
