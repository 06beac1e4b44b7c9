/* What a fleet file may say of a machine, checked. */
#ifndef KVM_SETTINGS_H
#define KVM_SETTINGS_H

#include "document/schema.h"
#include "forward.h"

/* The kind's field table. */
extern const struct field settings_fields[];

struct settings {
	const char *image; /* key in the store */
	int64_t cpus, memory;
	int64_t disk; /* 0: as large as the image */
	bool running;
	const char *user, *accelerator;
	const struct value *keys, *ports; /* lists of strings, as asked for */
	struct forward *forwards;	  /* of ports */
	size_t forward_count;
};

/* Reads a map that has every field, as it comes with a change or from machine.json. */
bool settings_parse(struct arena *arena, const struct value *map, struct settings *settings,
	struct error **err) MUST_USE;
/* Looks at what a file says, as far as it is known yet. */
bool settings_check_said(
	struct arena *arena, const struct value *said, struct error **err) MUST_USE;
struct value *settings_format(struct arena *arena, const struct settings *settings);
/* True if going from one to the other needs a restart of the machine. */
bool settings_need_restart(const struct settings *from, const struct settings *to);

#endif
