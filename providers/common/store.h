/* The store of images: STATE_DIR/images/KEY/ with image.json and, as far as the image has them,
 * disk, kernel and initrd. A folder that bears a key is whole and never changes any more, so its
 * files may be linked and read without a lock. Kernel and initrd are 0644, all else is 0600. */
#ifndef COMMON_STORE_H
#define COMMON_STORE_H

#include "base/error.h"
#include "document/value.h"

struct store_image {
	const char *key;		/* "sha256-" and 64 hexadecimal digits */
	const char *digest;		/* of the content, in the same form */
	const char *incarnation;	/* random for each time it is made */
	const char *disk_format;	/* "raw", "qcow2"; NULL: no disk */
	int64_t disk_size;		/* that a guest sees; 0: no disk */
	bool kernel, initrd;		/* booted directly, not from the disk */
	const char *cmdline;		/* for the kernel; NULL: none */
	bool login;			/* takes keys and host key as systemd credentials */
	const struct value *definition; /* what it was made from, for people */
};

enum { STORE_FORMAT = 1 };

bool store_key_valid(const char *key) MUST_USE;
/* "sha256-" and the digest of the value's canonical text, in the arena. */
const char *store_hash(struct arena *arena, const struct value *value);
/* ERROR_MISSING when the store has no such image, ERROR_CONFLICT when a newer version made it. */
bool store_load(struct arena *arena, const char *state_dir, const char *key,
	struct store_image *image, struct error **err) MUST_USE;
/* The text of image.json. */
struct value *store_format(struct arena *arena, const struct store_image *image);
/* The folder of all images, in the arena. */
const char *store_folder(struct arena *arena, const char *state_dir);
/* A file of an image: "disk", "kernel", "initrd", "image.json"; in the arena. */
const char *store_path(
	struct arena *arena, const char *state_dir, const char *key, const char *name);

#endif
