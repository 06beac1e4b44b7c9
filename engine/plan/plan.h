/* A plan: what has to happen so that the world becomes what the fleet file says, and in what order.
 * Made from the fleet and the world alone; the same input gives the same plan. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "fleet/fleet.h"
#include "plan/diff.h"
#include "plan/graph.h"
#include "plan/world.h"

enum step_action {
	STEP_NONE,
	STEP_CREATE,
	STEP_UPDATE,
	STEP_REPLACE,
	STEP_DELETE,
	STEP_WAIT,     /* a machine that is made but not up or ready */
	STEP_UNKNOWN,  /* cannot be read, so nothing is done to it and to what depends on it */
	STEP_CONFLICT, /* is not ours: nothing at all is done until that is settled */
	STEP_ACTIONS,
};

/* A resource on its way from the file to the world. Kept for the whole run, since later values are
 * worked out from it. */
struct target {
	struct resource *resource;
	const struct actual *actual;	   /* never NULL */
	const struct actual *old;	   /* what bears its address at another provider, or NULL */
	struct step *step;		   /* of its made node; action may be STEP_NONE */
	const struct value *said;	   /* evaluated, with unknowns */
	const struct value *after;	   /* all fields */
	const struct value *outputs;	   /* as they are or will be; NULL while unknown */
	const struct step *unknown_inside; /* of a machine: something in it that is, or NULL */
	bool settled; /* outputs are those of now: nothing more is to be done to it */
	unsigned nodes[STAGE_COUNT]; /* their numbers in the graph; only [STAGE_MADE] if no machine
				      */
};

/* The data of a graph node. */
struct step {
	enum step_action action;
	enum stage stage;
	const char *address, *kind, *name, *provider, *scope;
	struct target *target;	     /* NULL: it is no longer in the file */
	const struct actual *actual; /* NULL only for stages after made, and for groups */
	GArray *changes;	     /* of struct change; NULL unless update or replace */
	enum change_class class;     /* the most that any change costs */
	const char *reason;	     /* one phrase, never NULL unless action is none */
	const char *hint;	     /* for unknown and conflict, or NULL */
	enum error_class error;	     /* for unknown and conflict */
	bool implied; /* a wait that follows from a create or change of the machine */
	unsigned node;
};

struct plan {
	struct arena *arena;
	struct fleet *fleet; /* NULL: everything goes */
	struct world *world;
	struct graph *graph;  /* data is struct step; it has no circle */
	GPtrArray *targets;   /* of struct target, as the fleet's resources: in order of address */
	GPtrArray *leftovers; /* of struct step: what is not in the file, in order of address */
	unsigned *groups;     /* the fleet's groups, by index: nodes that wait for all of one */
	const struct step **unknown; /* by group: one of its machines that is, or NULL */
	GPtrArray *steps;	     /* those with something to do, in order of address and stage */
	GHashTable *tables;	     /* fields → struct table */
	unsigned counts[STEP_ACTIONS]; /* implied waits are not counted */
};

/* The fleet has been checked, without diagnostics. fleet NULL (destroy): all that the world lists
 * is deleted. Everything the plan points to (arena, fleet, world) must outlive it. Adds diagnostics
 * where the file is wrong in a way that only shows with the world at hand; the plan is then not to
 * be used. */
struct plan *plan_new(struct arena *arena, struct fleet *fleet, struct world *world,
	struct diagnostics *diagnostics);
void plan_free(struct plan *plan);
bool plan_empty(const struct plan *plan);
/* The first step that is in conflict, one that is the file's fault before all others; or NULL. */
const struct step *plan_conflict(const struct plan *plan);
/* The step that stands for this one in the counts and in what is shown: a wait that is implied is
 * part of what makes it necessary, and a machine whose up and ready both are waited for is one. */
const struct step *plan_counted(const struct plan *plan, const struct step *step);
const char *step_action_name(enum step_action action);
const char *stage_name(enum stage stage);

struct target *plan_target(const struct plan *plan, const struct resource *resource);
/* The fields of a kind with their defaults. */
const struct table *plan_table(const struct plan *plan, const struct field *fields);
/* What the file says of a target, with everything that is known by now; unknown where it is not.
 * NULL after diagnostics. Adds nothing to the plan. */
const struct value *plan_said(const struct plan *plan, struct arena *arena,
	const struct target *target, struct diagnostics *diagnostics);
/* The same for the probe of a machine; NULL also when it has none. */
const struct value *plan_ready(const struct plan *plan, struct arena *arena,
	const struct target *target, struct diagnostics *diagnostics);
/* Addresses that a resource depends on, in order, for its record; "machine.web-*" for a group. */
struct value *plan_depends(struct arena *arena, const struct resource *resource);

static inline void auto_plan(struct plan **plan)
{
	if (*plan)
		plan_free(*plan);
}

#endif
