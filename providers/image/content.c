/* Content of files. */
#include "content.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "document/json.h"

enum {
	BLOCK = 4096,
	CHUNK = 256 * BLOCK,
	CACHE_MOST = 1 << 20,
	/* A file written to this short a time ago may be written to again without a new time. */
	SETTLED_SECONDS = 2,
};

struct reader {
	const char *path;
	int from, to; /* to: -1 when nothing is copied */
	GChecksum *sum;
};

static bool is_zero(const unsigned char *block, size_t length)
{
	return length == 0 || (block[0] == 0 && !memcmp(block, block + 1, length - 1));
}

static bool take_block(struct reader *r, const unsigned char *block, size_t length, off_t at)
{
	uint64_t place = htole64(at);

	if (is_zero(block, length))
		return true;
	g_checksum_update(r->sum, (unsigned char *)&place, sizeof(place));
	g_checksum_update(r->sum, block, length);
	return r->to < 0 || pwrite(r->to, block, length, at) == (ssize_t)length;
}

/* Chunks begin at whole blocks whatever a read returned, so that the digest is one of content. */
static ssize_t fill(int fd, unsigned char *buffer, size_t most, off_t at)
{
	size_t have = 0;

	while (have < most) {
		ssize_t n = pread(fd, buffer + have, most - have, at + have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		have += n;
	}
	return have;
}

static bool read_data(struct reader *r, off_t from, off_t end)
{
	AUTO(gfree) unsigned char *buffer = g_malloc(CHUNK);

	for (off_t at = from; at < end;) {
		ssize_t n = fill(r->from, buffer, MIN(CHUNK, end - at), at);

		if (n <= 0) {
			if (n == 0)
				errno = ESTALE; /* it became shorter */
			return false;
		}
		for (ssize_t i = 0; i < n; i += BLOCK)
			if (!take_block(r, buffer + i, MIN(BLOCK, n - i), at + i))
				return false;
		at += n;
	}
	return true;
}

static bool read_all(struct reader *r, off_t size)
{
	for (off_t at = 0; at < size;) {
		off_t data = lseek(r->from, at, SEEK_DATA), hole;

		if (data < 0 && errno == ENXIO)
			return true;
		if (data < 0)
			return read_data(r, at, size);
		hole = lseek(r->from, data, SEEK_HOLE);
		if (hole < 0)
			return false;
		/* A file system may place holes at less than our blocks. */
		data = data / BLOCK * BLOCK;
		at = MIN(size, (hole + BLOCK - 1) / BLOCK * BLOCK);
		if (!read_data(r, data, at))
			return false;
	}
	return true;
}

static const char *run(struct arena *arena, struct reader *r, struct error **err)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	struct stat st;
	uint64_t size;

	r->sum = sum;
	if (fstat(r->from, &st) == 0) {
		size = htole64(st.st_size);
		g_checksum_update(sum, (unsigned char *)&size, sizeof(size));
		if (read_all(r, st.st_size) && (r->to < 0 || ftruncate(r->to, st.st_size) == 0))
			return arena_printf(arena, "sha256-%s", g_checksum_get_string(sum));
	}
	error_set_errno(err, "cannot %s '%s'", r->to < 0 ? "read" : "copy", r->path);
	return NULL;
}

const char *content_digest(struct arena *arena, int fd, const char *path, struct error **err)
{
	struct reader r = {.path = path, .from = fd, .to = -1};

	return run(arena, &r, err);
}

const char *content_copy(
	struct arena *arena, int from, const char *path, int to, struct error **err)
{
	struct reader r = {.path = path, .from = from, .to = to};

	if (ioctl(to, FICLONE, from) == 0)
		return content_digest(arena, to, path, err);
	return run(arena, &r, err);
}

int content_open(const char *path, struct error **err)
{
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		bool missing = errno == ENOENT || errno == ENOTDIR;

		error_set_errno(err, "cannot open '%s'", path);
		if (missing)
			(*err)->class = ERROR_CONFIG;
		return -1;
	}
	if (S_ISREG(st.st_mode) && st.st_size > 0)
		return fd_steal(&fd);
	error_set(err, ERROR_CONFIG, "'%s' is %s", path,
		S_ISREG(st.st_mode) ? "empty" : "not a regular file");
	return -1;
}

/* What tells that a file is still the one that was read. */
static const char *identity(struct arena *arena, const struct stat *st)
{
	return arena_printf(arena, "%ju:%ju:%jd:%jd.%09ld:%jd.%09ld", (uintmax_t)st->st_dev,
		(uintmax_t)st->st_ino, (intmax_t)st->st_size, (intmax_t)st->st_mtim.tv_sec,
		st->st_mtim.tv_nsec, (intmax_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

static const struct value *cache_load(struct arena *arena, const char *file)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *text = NULL;
	size_t length;

	return file_read(file, CACHE_MOST, &text, &length, &err)
		       ? json_parse(arena, text, length, &err)
		       : NULL;
}

static const char *cache_find(const struct value *cache, const char *path, const char *identity)
{
	const struct value *entry = value_get(cache, path);
	const char *known = value_get_string(entry, "identity");

	return known && !strcmp(known, identity) ? value_get_string(entry, "digest") : NULL;
}

/* Files that are no longer what they were drop out, so the cache does not grow. */
static struct value *still_true(struct arena *arena, const struct value *cache)
{
	struct value *kept = value_map(arena);
	struct stat st;

	for (size_t i = 0; cache && cache->type == VALUE_MAP && i < cache->map.count; i++) {
		const struct member *m = &cache->map.members[i];

		if (stat(m->key, &st) == 0 && cache_find(cache, m->key, identity(arena, &st)))
			value_set(arena, kept, m->key, m->value);
	}
	return kept;
}

/* Losing it costs a second reading, so its failure is none of the caller's. */
static void cache_save(struct arena *arena, const char *folder, const char *file, const char *path,
	const char *identity, const char *digest)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *text = NULL;
	struct value *cache = still_true(arena, cache_load(arena, file));
	struct value *entry = value_map(arena);

	value_set(arena, entry, "identity", value_string(arena, identity));
	value_set(arena, entry, "digest", value_string(arena, digest));
	value_set(arena, cache, path, entry);
	text = json_format(cache);
	if (!dir_make(folder, &err) || !file_write(file, text, strlen(text), 0600, &err))
		return;
}

const char *content_known(
	struct arena *arena, const char *folder, const char *path, struct error **err)
{
	const char *file = arena_printf(arena, "%s/.digests.json", folder), *digest, *before;
	AUTO(fd) int fd = content_open(path, err);
	struct stat st, after;
	time_t began = time(NULL);

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0) {
		error_set_errno(err, "cannot open '%s'", path);
		return NULL;
	}
	before = identity(arena, &st);
	digest = cache_find(cache_load(arena, file), path, before);
	if (digest)
		return digest;
	digest = content_digest(arena, fd, path, err);
	if (!digest)
		return NULL;
	if (fstat(fd, &after) < 0 || strcmp(before, identity(arena, &after))) {
		error_set(err, ERROR_CONFLICT, "'%s' changed while it was read", path);
		error_hint(err, "try again when nobody writes to it any more");
		return NULL;
	}
	if (MAX(st.st_mtim.tv_sec, st.st_ctim.tv_sec) + SETTLED_SECONDS < began)
		cache_save(arena, folder, file, path, before, digest);
	return digest;
}
