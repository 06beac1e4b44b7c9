/* Nothing has its final name before it is whole: files are synced, then the folder is renamed. */
#include "stage.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/id.h"
#include "document/json.h"
#include "namespace.h"

#define PREFIX ".new-"

static bool same_file(int fd, const char *path)
{
	struct stat mine, named;

	return fstat(fd, &mine) == 0 && lstat(path, &named) == 0 && mine.st_dev == named.st_dev &&
	       mine.st_ino == named.st_ino;
}

/* The files of a tree that was built without root belong to users that only a namespace of ours
 * may act for. */
static void remove_path(const char *path)
{
	AUTO(error) struct error *first = NULL;
	AUTO(error) struct error *second = NULL;

	if (!tree_remove(path, &first) && !namespace_remove(path, &second))
		return;
}

/* Who cannot take the lock meets somebody at work. */
static void clean_one(const char *path)
{
	AUTO(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		remove_path(path);
}

static void clean(const char *folder)
{
	AUTO(dir) DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL) {
		AUTO(gfree) char *path = g_strdup_printf("%s/%s", folder, entry->d_name);

		if (g_str_has_prefix(entry->d_name, PREFIX))
			clean_one(path);
	}
}

/* False without an error when somebody who cleans was faster than our lock. */
static bool try_open(struct stage *stage, struct error **err)
{
	AUTO(gfree) char *id = id_random();
	AUTO(gfree) char *path = g_strdup_printf("%s/" PREFIX "%s", stage->folder, id);
	AUTO(fd) int fd = -1;

	if (mkdir(path, 0700) < 0) {
		error_set_errno(err, "cannot create folder '%s'", path);
		return false;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return false;
	if (fd < 0 || fchmod(fd, 0700) < 0) {
		error_set_errno(err, "cannot open folder '%s'", path);
		return false;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || !same_file(fd, path))
		return false;
	stage->path = g_steal_pointer(&path);
	stage->fd = fd_steal(&fd);
	return true;
}

bool stage_open(const char *state_dir, struct stage *stage, struct error **err)
{
	*stage = (struct stage){.folder = g_strdup_printf("%s/images", state_dir), .fd = -1};
	if (!dir_make(stage->folder, err))
		return false;
	clean(stage->folder);
	for (int tries = 0; tries < 16; tries++) {
		if (try_open(stage, err))
			return true;
		if (*err)
			return false;
	}
	error_set(err, ERROR_CONFLICT, "cannot keep a folder in '%s'", stage->folder);
	return false;
}

char *stage_path(const struct stage *stage, const char *name)
{
	return g_strdup_printf("%s/%s", stage->path, name);
}

/* Kernel and initrd are opened by users of their own as well; the folder lets nobody in. */
int stage_create(const struct stage *stage, const char *name, struct error **err)
{
	mode_t mode = strcmp(name, "disk") ? 0644 : 0600;
	int fd = openat(stage->fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd >= 0 && fchmod(fd, mode) == 0)
		return fd;
	error_set_errno(err, "cannot create '%s/%s'", stage->path, name);
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool sync_one(const struct stage *stage, const char *name, struct error **err)
{
	AUTO(fd) int fd = openat(stage->fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd >= 0 && fsync(fd) == 0)
		return true;
	error_set_errno(err, "cannot sync '%s/%s'", stage->path, name);
	return false;
}

static bool sync_all(const struct stage *stage, const struct store_image *image, struct error **err)
{
	if (image->disk_format && !sync_one(stage, "disk", err))
		return false;
	if (image->kernel && !sync_one(stage, "kernel", err))
		return false;
	return !image->initrd || sync_one(stage, "initrd", err);
}

bool stage_commit(struct stage *stage, const struct store_image *image, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(gfree) char *text = json_format(store_format(arena, image));
	AUTO(gfree) char *description = stage_path(stage, "image.json");
	AUTO(gfree) char *final = g_strdup_printf("%s/%s", stage->folder, image->key);

	if (!sync_all(stage, image, err) ||
		!file_write(description, text, strlen(text), 0600, err) ||
		!dir_sync(stage->path, err))
		return false;
	if (rename(stage->path, final) < 0) {
		error_set_errno(err, "cannot name '%s'", final);
		return false;
	}
	g_clear_pointer(&stage->path, g_free);
	return dir_sync(stage->folder, err);
}

void stage_close(struct stage *stage)
{
	if (stage->path)
		remove_path(stage->path);
	if (stage->fd >= 0)
		close(stage->fd);
	g_free(stage->folder);
	g_free(stage->path);
	*stage = (struct stage){.fd = -1};
}
