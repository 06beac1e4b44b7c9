/* What a fleet file says of an image, checked, and the key that follows from it. */
#ifndef IMAGE_DEFINITION_H
#define IMAGE_DEFINITION_H

#include "common/store.h"
#include "document/schema.h"

/* The kind's field table. */
extern const struct field definition_fields[];

/* Files to take in. */
struct definition_files {
	const char *disk, *format; /* format: "raw" or "qcow2"; NULL without a disk */
	const char *kernel, *initrd, *cmdline;
	bool login;
};

/* What to build; NULL and 0: as the host or the recipe has it. */
struct definition_bootstrap {
	const char *release, *kernel;
	const struct value *packages; /* list of strings in order, each once */
	int64_t size;
};

struct definition {
	bool bootstrap; /* else files */
	struct definition_files files;
	struct definition_bootstrap build;
	const struct value *said; /* in normal form, without what only places files */
};

/* What is learned about an image before it is made. */
struct definition_known {
	const char *key;
	const char *disk, *kernel, *initrd; /* digests of files; NULL: none */
	int64_t disk_size;		    /* of files: that a guest will see; 0: no disk */
};

/* From a map that may have every field. What makes no image is ERROR_CONFIG. */
bool definition_parse(struct arena *arena, const struct value *map, struct definition *definition,
	struct error **err) MUST_USE;
/* The key is a hash of what the file says and of the content of the files that it names, not of
 * defaults: a later default makes no other image of the same text. Reads the files, whose digests
 * are remembered in the store's folder. */
bool definition_learn(struct arena *arena, const char *state_dir,
	const struct definition *definition, struct definition_known *known,
	struct error **err) MUST_USE;

#endif
