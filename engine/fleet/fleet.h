/* What one file declares: resources with names, places and needs, before any provider was asked. */
#ifndef FLEET_FLEET_H
#define FLEET_FLEET_H

#include "document/schema.h"
#include "document/source.h"

/* The nodes of a resource. What is no machine has the first alone. */
enum stage {
	STAGE_MADE,
	STAGE_UP,	  /* can be logged in to */
	STAGE_CONFIGURED, /* what is declared inside is there */
	STAGE_READY,	  /* the user's probe answered */
	STAGE_COUNT,
};

/* All machines that one name with a count makes. */
struct group {
	const char *name;    /* as written: "web" */
	const char *pattern; /* of their addresses: "machine.web-*" */
	GPtrArray *members;  /* of struct resource, by number */
	unsigned index;	     /* place in the fleet's groups */
};

/* One resource, or all of a group: then the stage is ready. */
struct dependency {
	struct resource *on;	   /* NULL for a group */
	const struct group *group; /* NULL for a resource */
	enum stage stage;
};

struct resource {
	const char *address; /* "machine.web-1", "image.base", "machine.web-1/file:/etc/motd" */
	const char *kind, *name, *provider;
	const char *scope;	  /* address of the machine that it is or lies in, else its own */
	struct resource *machine; /* the machine it lies in, or NULL */
	unsigned index;		  /* place in the fleet's resources */
	struct group *group;	  /* of the count that made it or its machine, or NULL */
	struct resource *twin; /* the first of its count, with the same text; NULL for that one */
	bool is_machine;
	bool short_form;	     /* under 'images:', which itself says kind and provider */
	bool stopped;		     /* machines: state is "stopped" */
	const struct value *written; /* its map in the file, with the engine's own keys */
	const struct value *own;     /* machines: the engine's keys, checked, with defaults */
	const struct value *ready;   /* machines: the probe, or NULL */
	const struct value *needs;   /* list of names, or NULL */
	int64_t timeout;	     /* milliseconds for each wait; 0: the provider's own */
	struct span span;	     /* of its name */
	/* Set by fleet_check(): */
	const struct field *fields; /* of its kind */
	bool open;
	bool wrong;   /* there are diagnostics of it, or of one with the same text */
	bool dynamic; /* some field has an expression */
	const struct value
		*said;	      /* the fields that the file says, checked; expressions unevaluated */
	GArray *dependencies; /* of struct dependency: in order, each once */
};

struct fleet {
	const char *name;
	struct source *source;
	const struct value *defaults; /* map or NULL */
	GPtrArray *resources;	      /* in order of address */
	GHashTable *by_address;
	GPtrArray *groups;   /* of struct group, in order of name */
	GHashTable *counted; /* written machine name with count → struct group */
	GHashTable *absent;  /* machine names with state: absent */
	/* Set by fleet_check(): the resources, each behind all that it depends on; without those
	 * of a circle. */
	GPtrArray *order;
};

/* The keys of a machine that are the engine's; everything else is its provider's. */
extern const struct field machine_fields[];

/* Reads the file into resources. Adds all that is wrong to the diagnostics; what could be read is
 * returned even so (for more diagnostics from fleet_check), NULL if nothing could be. */
struct fleet *fleet_load(
	struct arena *arena, struct source *source, struct diagnostics *diagnostics);
/* Releases what lies outside the arena. */
void fleet_free(struct fleet *fleet);

/* How fleet_check learns of kinds. Returns false when the provider has no such kind. */
typedef bool fleet_kind_lookup(void *data, const char *provider, const char *kind,
	const struct field **fields, bool *open);

/* Checks every resource against its kind's fields, and finds its dependencies: needs, references,
 * and expressions. Then puts them in order, and refuses circles. Adds diagnostics. */
void fleet_check(struct arena *arena, struct fleet *fleet, fleet_kind_lookup *lookup, void *data,
	struct diagnostics *diagnostics);

/* With more errors than this no suggestions are made: nobody sees them, and each is work. */
enum { FLEET_SUGGESTIONS_MOST = 100 };
/* Gives the newest diagnostic the nearest of the names (NULL ends them) as a hint, if one is near;
 * else false. */
bool fleet_suggest(const char *word, const char *const *names, struct diagnostics *diagnostics);
struct resource *fleet_find(const struct fleet *fleet, const char *address);
/* The machine called `name`; after a diagnostic with a suggestion NULL. */
struct resource *fleet_machine(const struct fleet *fleet, const char *name, struct span span,
	struct diagnostics *diagnostics);

static inline void auto_fleet(struct fleet **fleet)
{
	if (*fleet)
		fleet_free(*fleet);
}

#endif
