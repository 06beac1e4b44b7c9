/* qcow2, version 3, clusters of 64 KiB. An empty file is four clusters: header, refcount table,
 * one refcount block, and a first level table that is always one whole cluster, so that growing is
 * a write of the size alone. */
#include "overlay.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/file.h"

enum {
	MAGIC = 0x514649fb,
	CLUSTER_BITS = 16,
	CLUSTER = 1 << CLUSTER_BITS,
	HEADER_LENGTH = 104,
	L1_ENTRIES = CLUSTER / 8,
	SIZE_OFFSET = 24,
	EXTENSION_FORMAT = (int)0xe2792aca,
};

static void put32(unsigned char *at, uint32_t number)
{
	number = htobe32(number);
	memcpy(at, &number, sizeof(number));
}

static void put64(unsigned char *at, uint64_t number)
{
	number = htobe64(number);
	memcpy(at, &number, sizeof(number));
}

static uint32_t get32(const unsigned char *at)
{
	uint32_t number;

	memcpy(&number, at, sizeof(number));
	return be32toh(number);
}

static uint64_t get64(const unsigned char *at)
{
	uint64_t number;

	memcpy(&number, at, sizeof(number));
	return be64toh(number);
}

static size_t header_fill(unsigned char *header, const char *base, const char *format, int64_t size)
{
	size_t at = HEADER_LENGTH, length = base ? strlen(format) : 0;

	put32(header, MAGIC);
	put32(header + 4, 3);
	put32(header + 16, base ? strlen(base) : 0);
	put32(header + 20, CLUSTER_BITS);
	put64(header + SIZE_OFFSET, size);
	put32(header + 36, L1_ENTRIES);
	put64(header + 40, 3 * CLUSTER);
	put64(header + 48, 1 * CLUSTER);
	put32(header + 56, 1); /* clusters of the refcount table */
	put32(header + 96, 4); /* refcounts of 2^4 bits */
	put32(header + 100, HEADER_LENGTH);
	if (!base)
		return at + 8;
	put32(header + at, EXTENSION_FORMAT);
	put32(header + at + 4, length);
	memcpy(header + at + 8, format, length);
	at += 8 + (length + 7) / 8 * 8 + 8; /* then the end: type 0, length 0 */
	put64(header + 8, at);
	memcpy(header + at, base, strlen(base));
	return at + strlen(base);
}

static bool fill(int fd, const char *base, const char *format, int64_t size)
{
	unsigned char header[1024] = {0}, table[8], counts[8] = {0, 1, 0, 1, 0, 1, 0, 1};
	size_t length = header_fill(header, base, format, size);

	put64(table, 2 * CLUSTER);
	return pwrite(fd, header, length, 0) == (ssize_t)length &&
	       pwrite(fd, table, sizeof(table), 1 * CLUSTER) == sizeof(table) &&
	       pwrite(fd, counts, sizeof(counts), 2 * CLUSTER) == sizeof(counts) &&
	       ftruncate(fd, 4 * CLUSTER) == 0 && fsync(fd) == 0;
}

bool overlay_create(
	const char *path, const char *base, const char *format, int64_t size, struct error **err)
{
	AUTO(fd) int fd = -1;

	if (size <= 0 || size > OVERLAY_MOST || size % 512 ||
		(base && (strlen(base) > 255 || strlen(format) > 15))) {
		error_set(err, ERROR_CONFIG, "a disk of %" PRId64 " bytes cannot be made", size);
		error_hint(err, "a disk has whole sectors of 512 bytes and at most 4TiB");
		return false;
	}
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && fill(fd, base, format, size))
		return true;
	error_set_errno(err, "cannot create overlay '%s'", path);
	return false;
}

static bool header_read(int fd, const char *path, unsigned char *header, struct error **err)
{
	ssize_t n = fd < 0 ? -1 : pread(fd, header, HEADER_LENGTH, 0);

	if (n < 0) {
		error_set_errno(err, "cannot read '%s'", path);
		return false;
	}
	if (n == HEADER_LENGTH && get32(header) == MAGIC && get32(header + 4) == 3 &&
		get32(header + 36) >= 1 && get64(header + SIZE_OFFSET) <= (uint64_t)OVERLAY_MOST)
		return true;
	error_set(err, ERROR_FAILED, "'%s' is not an overlay of ours", path);
	return false;
}

int64_t overlay_size(const char *path, struct error **err)
{
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	unsigned char header[HEADER_LENGTH];

	return header_read(fd, path, header, err) ? (int64_t)get64(header + SIZE_OFFSET) : -1;
}

bool overlay_grow(const char *path, int64_t size, struct error **err)
{
	AUTO(fd) int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	unsigned char header[HEADER_LENGTH], number[8];

	if (!header_read(fd, path, header, err))
		return false;
	if (size < (int64_t)get64(header + SIZE_OFFSET) || size % 512 ||
		get32(header + 36) < (uint64_t)(size + ((int64_t)CLUSTER * L1_ENTRIES) - 1) /
					     ((uint64_t)CLUSTER * L1_ENTRIES)) {
		error_set(err, ERROR_CONFIG, "the disk cannot be made %" PRId64 " bytes", size);
		return false;
	}
	put64(number, size);
	if (pwrite(fd, number, sizeof(number), SIZE_OFFSET) == sizeof(number) && fsync(fd) == 0)
		return true;
	error_set_errno(err, "cannot write '%s'", path);
	return false;
}
