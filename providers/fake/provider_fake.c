/* A provider whose things are files under the state folder: for tests, and to try plans. It keeps
 * the contract of a real one and misbehaves only where its script says so; docs/fake.md tells how.
 */
#include <string.h>

#include "fake_kinds.h"
#include "fake_script.h"
#include "fake_store.h"

static bool fake_list(struct call *call, struct error **err);
static bool fake_read(struct call *call, struct error **err);
static bool fake_change(struct call *call, struct error **err);
static bool fake_wait(struct call *call, struct error **err);

/* The first one has all functions: kinds of a file take theirs from it. */
static const struct provider_kind kinds[] = {
	{
		.name = "machine",
		.fields = fake_machine_fields,
		.machine = true,
		.list = fake_list,
		.read = fake_read,
		.change = fake_change,
		.wait = fake_wait,
	},
	{
		.name = "*",
		.fields = fake_any_fields,
		.open = true,
		.list = fake_list,
		.read = fake_read,
		.change = fake_change,
	},
	{0},
};

static const struct provider_kind *kinds_of(
	struct arena *arena, const char *state_dir, struct error **err)
{
	return fake_kinds_load(arena, state_dir, kinds, err);
}

struct listing {
	struct call *call;
	const struct provider_kind *kinds;
};

static void list_thing(void *data, struct arena *arena, const struct fake_thing *thing)
{
	struct listing *listing = data;
	const struct provider_kind *kind = fake_kinds_find(listing->kinds, thing->kind);
	struct answer answer = {0};

	if (!kind || strcmp(kind->name, listing->call->kind) != 0)
		return;
	fake_describe(arena, thing, listing->call->fleet_id, &answer);
	if (answer.status == STATUS_PRESENT)
		emit_listed(listing->call, thing->address, thing->kind, &answer);
}

static bool fake_list(struct call *call, struct error **err)
{
	struct listing listing = {call, kinds_of(call->arena, call->state_dir, err)};
	const struct fake_rule *rule;

	if (!listing.kinds || !fake_script_match(call, NULL, &rule, err) ||
		!fake_script_act(call, NULL, rule, FAKE_BEFORE, 0, err) ||
		!fake_store_each(call, list_thing, &listing, err))
		return false;
	call->complete = !rule || !rule->incomplete;
	return fake_script_act(call, NULL, rule, FAKE_AFTER, 0, err);
}

/* The status that the script wants instead of the true one. */
static void pretend(const struct fake_rule *rule, struct answer *answer)
{
	static const char *const names[] = {
		[STATUS_ABSENT] = "absent",
		[STATUS_PRESENT] = "present",
		[STATUS_FOREIGN] = "foreign",
		[STATUS_UNKNOWN] = "unknown",
		[STATUS_CHANGED] = "changed",
		[STATUS_STALE] = "stale",
	};

	if (!strcmp(rule->answer, "partial")) {
		answer->partial = "the script says so";
		return;
	}
	*answer = (struct answer){.status = STATUS_UNKNOWN, .text = "the script says so"};
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		if (!strcmp(names[i], rule->answer))
			answer->status = i;
}

static bool read_one(struct call *call, const struct object *object, struct error **err)
{
	const struct fake_rule *rule;
	struct fake_thing *thing;
	struct answer answer = {0};

	if (!fake_script_match(call, object, &rule, err) ||
		!fake_script_act(call, object, rule, FAKE_BEFORE, 0, err) ||
		!fake_store_load(call, object->address, &thing, err) ||
		!fake_script_act(call, object, rule, FAKE_AFTER, 0, err))
		return false;
	fake_describe(call->arena, thing, call->fleet_id, &answer);
	if (rule && rule->answer)
		pretend(rule, &answer);
	emit_answer(call, object, &answer);
	return true;
}

typedef bool one(struct call *call, const struct object *object, struct error **err);

static bool each(struct call *call, one *function)
{
	for (size_t i = 0; i < call->count; i++) {
		struct error *trouble = NULL;

		if (!function(call, &call->objects[i], &trouble))
			emit_failure(call, &call->objects[i], &trouble);
	}
	return true;
}

static bool fake_read(struct call *call, struct error **err)
{
	(void)err;
	return each(call, read_one);
}

static bool store(struct call *call, const struct object *object, const struct fake_thing *thing,
	struct error **err)
{
	return thing ? fake_store_save(call, thing, err)
		     : fake_store_remove(call, object->address, err);
}

/* Under the lock that is let go only while the script holds us up, with half of the change done. */
static bool act(struct call *call, const struct object *object, const struct fake_rule *rule,
	struct answer *answer, struct error **err)
{
	const struct provider_kind *all = kinds_of(call->arena, call->state_dir, err);
	const struct provider_kind *kind = all ? fake_kinds_find(all, object->kind) : NULL;
	AUTO(fd) int lock = -1;
	struct fake_thing *thing, *after;

	if (!kind || !fake_store_lock(call->state_dir, &lock, err) ||
		!fake_store_load(call, object->address, &thing, err))
		return false;
	if (!fake_allows(call->arena, thing, call->fleet_id, object, answer))
		return true;
	if (rule && rule->moment == FAKE_DURING) {
		if (!store(call, object, fake_halfway(call, object, kind, thing), err))
			return false;
		close(fd_steal(&lock));
		if (!fake_script_act(call, object, rule, FAKE_DURING, 0, err) ||
			!fake_store_lock(call->state_dir, &lock, err))
			return false;
	}
	after = fake_changed(call, object, kind, thing);
	if (!store(call, object, after, err))
		return false;
	fake_describe(call->arena, after, call->fleet_id, answer);
	answer->status = STATUS_CHANGED;
	return true;
}

static bool change_one(struct call *call, const struct object *object, struct error **err)
{
	const struct fake_rule *rule;
	struct answer answer = {0};

	if (!fake_script_match(call, object, &rule, err) ||
		!fake_script_act(call, object, rule, FAKE_BEFORE, 0, err))
		return false;
	if (rule && rule->answer) {
		pretend(rule, &answer);
	} else if (!act(call, object, rule, &answer, err) ||
		   !fake_script_act(call, object, rule, FAKE_AFTER, 0, err)) {
		return false;
	}
	emit_answer(call, object, &answer);
	return true;
}

static bool fake_change(struct call *call, struct error **err)
{
	(void)err;
	return each(call, change_one);
}

static bool arrive(
	struct call *call, const struct object *object, struct answer *answer, struct error **err)
{
	AUTO(fd) int lock = -1;
	struct fake_thing *thing;

	if (!fake_store_lock(call->state_dir, &lock, err) ||
		!fake_store_load(call, object->address, &thing, err))
		return false;
	fake_describe(call->arena, thing, call->fleet_id, answer);
	if (answer->status != STATUS_PRESENT)
		return true;
	if (!fake_arrive(thing, object->until)) {
		error_set(err, ERROR_FAILED, "it is off");
		return false;
	}
	fake_describe(call->arena, thing, call->fleet_id, answer);
	return fake_store_save(call, thing, err);
}

static bool wait_one(struct call *call, const struct object *object, struct error **err)
{
	const struct fake_rule *rule;
	struct answer answer = {0};

	if (!fake_script_match(call, object, &rule, err))
		return false;
	if (!fake_script_act(call, object, rule, FAKE_BEFORE, object->timeout, err)) {
		if ((*err)->class == ERROR_TIMEOUT)
			error_prefix(err, "waiting until it is %s", object->until);
		return false;
	}
	if (rule && rule->answer)
		pretend(rule, &answer);
	else if (!arrive(call, object, &answer, err) ||
		 !fake_script_act(call, object, rule, FAKE_AFTER, 0, err))
		return false;
	emit_answer(call, object, &answer);
	return true;
}

static bool fake_wait(struct call *call, struct error **err)
{
	(void)err;
	return each(call, wait_one);
}

static const struct provider fake = {
	.name = "fake",
	.version = PROVISION_VERSION,
	.kinds = kinds,
	.kinds_of = kinds_of,
};

int main(int argc, char **argv)
{
	return provider_serve(&fake, argc, argv);
}
