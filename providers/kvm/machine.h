/* A machine as its folder tells: machine.json holds the mark, the record and what was decided when
 * it was made. STATE_DIR/fleets/FLEET/machines/NAME/ */
#ifndef KVM_MACHINE_H
#define KVM_MACHINE_H

#include "provider/provider.h"
#include "settings.h"

/* What the machine took from its image when it was made. */
struct machine_base {
	const char *digest;
	const char *disk_format; /* "raw", "qcow2", or NULL: no disk */
	bool kernel, initrd;
	const char *cmdline;
	bool login; /* takes credentials */
};

struct machine {
	const char *state_dir, *fleet, *name;
	const char *folder;   /* absolute */
	const char *relative; /* the same, below state_dir */
	/* Set aside by a replacement that was cut short; `folder` is then where it lies. */
	bool aside;
	/* the mark */
	const char *fleet_id, *address, *incarnation, *run, *created;
	const char *unmade; /* why it is not whole; NULL: it is */
	bool made;	    /* by us just now, so that it is ours to take back; not kept */
	struct settings settings;
	struct machine_base base;
	const char *mac, *uuid;
	int64_t uid;	   /* that QEMU runs under; 0: ours */
	int ssh_port;	   /* 0: none */
	int64_t disk_size; /* of the disk to be made, 0: none; not kept */
	/* Ids of the QEMU process that was seen up and ready. */
	const char *up_boot, *ready_boot;
	const struct value *record;
};

enum machine_found {
	MACHINE_ABSENT,
	MACHINE_OURS,
	MACHINE_FOREIGN, /* *text says whose */
	MACHINE_UNKNOWN, /* *text says why it cannot be told */
};

/* The folder of all machines of the fleet, in the arena. */
const char *machine_parent(struct arena *arena, const char *state_dir, const char *fleet);
/* A machine of that name with its paths and nothing else. */
struct machine *machine_new(
	struct arena *arena, const char *state_dir, const char *fleet, const char *name);
/* Loads what bears the name; one that was set aside counts when nothing else has the name. The
 * address may be NULL: any. *machine is set for MACHINE_OURS alone. */
enum machine_found machine_load(struct arena *arena, const struct call *call, const char *name,
	const char *address, struct machine **machine, const char **text);
/* Writes machine.json; on disk when it returns. */
bool machine_save(const struct machine *machine, struct error **err) MUST_USE;
/* A path in the machine's folder, in the arena. */
const char *machine_path(struct arena *arena, const struct machine *machine, const char *name);
/* What the ports that it claims are claimed for: its folder below state_dir, wherever it lies now.
 */
const char *machine_owner(struct arena *arena, const struct machine *machine);
/* True if nothing of such an owner is left, under its name or set aside. */
bool machine_gone(const char *state_dir, const char *owner);
/* Makes its paths those of a machine that was set aside, or of one that was not. */
void machine_set_aside(struct arena *arena, struct machine *machine, bool aside);
/* Names of all machines of the fleet, each once and in order, also of those set aside. Caller frees
 * with g_ptr_array_free(…, TRUE). */
GPtrArray *machine_names(const char *state_dir, const char *fleet, struct error **err);
/* Paths of the folders that were set aside for the name, in order. Caller frees likewise. */
GPtrArray *machine_asides(const char *state_dir, const char *fleet, const char *name);

#endif
