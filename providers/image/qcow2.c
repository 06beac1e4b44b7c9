/* Layout and bits as the format's specification, docs/interop/qcow2.txt of QEMU, has them. */
#include "qcow2.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

enum {
	MAGIC = 0x514649fb,
	LENGTH_2 = 72,
	LENGTH_3 = 104,
	HEADER_MOST = 4096,
	EXTENSION_END = 0,
	EXTENSION_DATA_FILE = 0x44415441,
	EXTENSIONS_MOST = 64,
};

#define EXTENSION_BACKING_FORMAT 0xe2792acaU
#define DISK_MOST ((uint64_t)1 << 56)

/* Incompatible features. */
#define FEATURE_DIRTY ((uint64_t)1 << 0)
#define FEATURE_CORRUPT ((uint64_t)1 << 1)
#define FEATURE_DATA_FILE ((uint64_t)1 << 2)
#define FEATURE_COMPRESSION ((uint64_t)1 << 3)
#define FEATURE_EXTENDED_L2 ((uint64_t)1 << 4)

struct header {
	unsigned char bytes[HEADER_MOST];
	size_t have;
};

static uint32_t get32(const struct header *h, size_t at)
{
	uint32_t number;

	memcpy(&number, h->bytes + at, sizeof(number));
	return be32toh(number);
}

static uint64_t get64(const struct header *h, size_t at)
{
	uint64_t number;

	memcpy(&number, h->bytes + at, sizeof(number));
	return be64toh(number);
}

static void header_read(int fd, struct header *h)
{
	ssize_t n = pread(fd, h->bytes, sizeof(h->bytes), 0);

	h->have = n > 0 ? n : 0;
}

static bool reject(struct error **err, const char *why, const char *hint)
{
	error_set(err, ERROR_CONFIG, "%s", why);
	if (hint)
		error_hint(err, "%s", hint);
	return false;
}

static bool check_features(uint64_t features, struct error **err)
{
	uint64_t known = FEATURE_DIRTY | FEATURE_CORRUPT | FEATURE_DATA_FILE | FEATURE_COMPRESSION |
			 FEATURE_EXTENDED_L2;

	if (features & FEATURE_DATA_FILE)
		return reject(err, "its content lies in another file", "convert it to a whole one");
	if (features & (FEATURE_DIRTY | FEATURE_CORRUPT))
		return reject(err, "it was not closed cleanly or is damaged",
			"'qemu-img check -r all' may repair it");
	if (!(features & ~known))
		return true;
	error_set(err, ERROR_CONFIG, "it needs features that are not known here (%#" PRIx64 ")",
		features & ~known);
	return false;
}

/* Each is its type, its length, and its data filled up to 8 bytes. */
static bool check_extensions(const struct header *h, size_t at, struct error **err)
{
	for (int i = 0; i < EXTENSIONS_MOST && at + 8 <= h->have; i++) {
		uint32_t type = get32(h, at), length = get32(h, at + 4);

		if (type == EXTENSION_END)
			return true;
		if (type == EXTENSION_BACKING_FORMAT)
			return reject(err, "it names a backing file", "convert it to a whole one");
		if (type == EXTENSION_DATA_FILE)
			return reject(err, "it names a data file", "convert it to a whole one");
		if (length > HEADER_MOST)
			break;
		at += 8 + (length + 7) / 8 * 8;
	}
	return reject(err, "its header has extensions without an end", NULL);
}

static bool check_geometry(const struct header *h, uint64_t size, struct error **err)
{
	uint32_t cluster_bits = get32(h, 20);

	if (cluster_bits < 9 || cluster_bits > 21)
		return reject(err, "its clusters have no possible size", NULL);
	if (size == 0 || size > DISK_MOST || size % 512)
		return reject(err, "its disk has no possible size", NULL);
	return true;
}

static bool check_version(const struct header *h, uint32_t version, struct error **err)
{
	size_t length = LENGTH_2;

	if (version == 2)
		return check_extensions(h, length, err);
	if (version != 3) {
		error_set(err, ERROR_CONFIG, "version %" PRIu32 " of the format is not known here",
			version);
		return false;
	}
	length = h->have >= LENGTH_3 ? get32(h, 100) : 0;
	if (length < LENGTH_3 || length % 8 || length > HEADER_MOST - 8)
		return reject(err, "its header is cut short or too long", NULL);
	return check_features(get64(h, 72), err) && check_extensions(h, length, err);
}

bool qcow2_is(int fd)
{
	struct header h;

	header_read(fd, &h);
	return h.have >= 4 && get32(&h, 0) == MAGIC;
}

bool qcow2_check(int fd, int64_t *size, struct error **err)
{
	struct header h;

	header_read(fd, &h);
	if (h.have < LENGTH_2 || get32(&h, 0) != MAGIC)
		return reject(
			err, "it is no qcow2 image", "say 'format: raw' if it is a plain disk");
	if (get64(&h, 8) || get32(&h, 16))
		return reject(err, "it names a backing file", "convert it to a whole one");
	if (get32(&h, 32))
		return reject(err, "it is encrypted", "decrypt it by 'qemu-img convert'");
	if (!check_geometry(&h, get64(&h, 24), err) || !check_version(&h, get32(&h, 4), err))
		return false;
	*size = get64(&h, 24);
	return true;
}
