/* What left the file leaves the world, if it is certain what there is. */
#include <string.h>

#include "plan/step.h"

struct leftover {
	struct plan *plan;
	GHashTable *gone; /* addresses that take what is inside them along */
};

/* The parts of an address. One inside a machine is "machine.NAME/KIND:NAME". */
static const char *name_of(struct plan *plan, const struct actual *actual, const char **machine)
{
	const char *address = actual->address;
	size_t kind = strlen(actual->kind);
	const char *slash = strchr(address, '/'), *mark;

	*machine = NULL;
	if (!strncmp(address, actual->kind, kind) && address[kind] == '.')
		return address + kind + 1;
	mark = slash ? strchr(slash, ':') : NULL;
	if (!mark || strncmp(address, "machine.", 8))
		return address;
	*machine = arena_strndup(plan->arena, address, slash - address);
	return mark + 1;
}

static struct step *leftover_step(struct plan *plan, const struct actual *actual)
{
	struct step *step = step_new(plan, STAGE_MADE, actual);
	const char *machine;

	step->address = actual->address;
	step->kind = actual->kind;
	step->name = name_of(plan, actual, &machine);
	step->provider = actual->provider;
	step->scope = machine ? machine : actual->address;
	g_ptr_array_add(plan->leftovers, step);
	return step;
}

static const char *reason_of(const struct plan *plan, const struct step *step)
{
	const struct resource *r = plan->fleet ? fleet_find(plan->fleet, step->address) : NULL;

	if (!plan->fleet)
		return "the fleet is destroyed";
	if (r)
		return arena_printf(plan->arena, "moves to provider '%s'", r->provider);
	if (!strcmp(step->kind, "machine") &&
		g_hash_table_contains(plan->fleet->absent, step->name))
		return "its state is 'absent'";
	return "is no longer in the file";
}

static void decide(struct plan *plan, struct step *step, const struct step *machine)
{
	const char *why = world_incomplete(plan->world, step->provider, step->kind);

	if (step->actual->presence == PRESENCE_UNKNOWN) {
		step_refuse(step, STEP_UNKNOWN, step->actual);
	} else if (step_is_newer(step)) {
		return;
	} else if (machine && machine->action == STEP_UNKNOWN) {
		step_decide(step, STEP_UNKNOWN, "its machine is unknown");
		step->error = machine->error;
	} else if (why) {
		step_decide(step, STEP_UNKNOWN,
			arena_printf(plan->arena,
				"%s, but the list of what is there is not complete: %s",
				reason_of(plan, step), why));
		step->error = ERROR_UNAVAILABLE;
	} else {
		step_decide(step, STEP_DELETE, reason_of(plan, step));
	}
}

static bool in_file(const struct plan *plan, const struct actual *actual)
{
	const struct resource *r = plan->fleet ? fleet_find(plan->fleet, actual->address) : NULL;

	return r && !strcmp(r->provider, actual->provider);
}

/* What lies in a machine goes with it, and is out of reach while that does not run. */
static void add(struct leftover *l, const struct actual *actual)
{
	const struct step *above = NULL;
	const struct resource *r = NULL;
	const char *machine;

	(void)name_of(l->plan, actual, &machine);
	if (machine && l->plan->fleet)
		r = fleet_find(l->plan->fleet, machine);
	if (machine && g_hash_table_contains(l->gone, machine))
		return;
	if (r && (r->stopped || decide_is_anew(l->plan, r)))
		return;
	if (r)
		above = plan_target(l->plan, r)->step;
	g_hash_table_add(l->gone, (void *)actual->address);
	decide(l->plan, leftover_step(l->plan, actual), above);
}

void leftovers_add(struct plan *plan)
{
	g_autoptr(GPtrArray) listed = world_listed(plan->world);
	struct leftover l = {plan, g_hash_table_new(g_str_hash, g_str_equal)};

	for (unsigned i = 0; i < listed->len; i++) {
		const struct actual *actual = listed->pdata[i];

		if (!in_file(plan, actual) && (actual->presence == PRESENCE_PRESENT ||
						      actual->presence == PRESENCE_UNKNOWN))
			add(&l, actual);
	}
	g_hash_table_destroy(l.gone);
}
