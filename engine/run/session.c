/* The order in which things are read, locked, asked, planned and run. */
#include "run/session.h"

#include <string.h>

#include "base/file.h"
#include "base/id.h"
#include "base/text.h"
#include "run/journal.h"
#include "run/refresh.h"

enum { SLOW = 2000 };

/* No fleet can have this name. */
static const char nameless[] = "-";

static void on_signal(void *data, int signal)
{
	struct session *s = data;

	(void)signal;
	if (s->providers)
		providers_interrupt(s->providers);
}

static int on_slow(void *data)
{
	struct session *s = data;

	s->slow_timer = 0;
	s->slow();
	s->slow = NULL;
	return G_SOURCE_REMOVE;
}

/* The start of what waits for providers, and its end. */
static void watch(struct session *s)
{
	interrupts_watch(&s->interrupts);
	if (s->slow)
		s->slow_timer = g_timeout_add(SLOW, on_slow, s);
}

static bool unwatch(struct session *s, bool ok, struct error **err)
{
	interrupts_unwatch(&s->interrupts);
	if (s->slow_timer)
		g_source_remove(s->slow_timer);
	s->slow_timer = 0;
	if (!s->interrupts.signal)
		return ok;
	error_clear(err);
	error_set(err, ERROR_CANCELLED, "interrupted");
	return false;
}

struct session *session_new(void)
{
	struct session *s = g_new0(struct session, 1);

	s->arena = arena_new();
	s->diagnostics = diagnostics_new();
	s->run = id_random();
	s->interrupts.call = on_signal;
	s->interrupts.data = s;
	return s;
}

/* What a lock is for has not begun, so there is nobody who still acts. */
static void unlock_unused(struct session *s)
{
	if (s->state && s->state->lock >= 0 && !s->state->exists && !s->state->providers->len)
		state_unmake(s->state);
}

void session_free(struct session *s)
{
	if (s->plan)
		plan_free(s->plan);
	unlock_unused(s);
	while (s->interrupts.watched)
		interrupts_unwatch(&s->interrupts);
	if (s->providers)
		providers_free(s->providers);
	if (s->state)
		state_free(s->state);
	if (s->world)
		world_free(s->world);
	if (s->fleet)
		fleet_free(s->fleet);
	diagnostics_free(s->diagnostics);
	arena_free(s->arena);
	g_free(s->run);
	g_free(s);
}

bool session_load(struct session *s, const char *path, struct error **err)
{
	s->source = source_load(s->arena, path, err);
	if (!s->source)
		return false;
	s->fleet = fleet_load(s->arena, s->source, s->diagnostics);
	s->name = s->fleet && s->fleet->name && name_valid(s->fleet->name) ? s->fleet->name
									   : nameless;
	return s->fleet != NULL;
}

bool session_load_name(struct session *s, const char *path, struct error **err)
{
	if (!session_load(s, path, err) || s->name == nameless)
		return false;
	diagnostics_free(s->diagnostics);
	s->diagnostics = diagnostics_new();
	return true;
}

bool session_name(struct session *s, const char *name, struct error **err)
{
	if (!name_valid(name)) {
		error_set(err, ERROR_USAGE, "'%s' cannot be a fleet's name", name);
		error_hint(err, "names are of lower-case letters, digits and dashes");
		return false;
	}
	s->name = arena_strdup(s->arena, name);
	return true;
}

bool session_open(struct session *s, const char *root, const char *lock, struct error **err)
{
	struct state *before;

	s->state = state_load(root, s->name, err);
	if (s->state && lock && s->name != nameless) {
		interrupts_watch(&s->interrupts);
		if (!state_lock(s->state, lock, err))
			return false;
		/* What was read before the lock was held may be of yesterday. */
		before = s->state;
		s->state = state_load(root, s->name, err);
		if (s->state)
			s->state->lock = fd_steal(&before->lock);
		state_free(before);
	}
	if (!s->state)
		return false;
	s->providers = providers_new(s->state);
	return true;
}

bool session_check(struct session *s, struct error **err)
{
	bool ok;

	watch(s);
	ok = providers_start_for(s->providers, s->fleet, s->diagnostics, err);
	if (!s->interrupts.signal)
		fleet_check(s->arena, s->fleet, providers_kind, s->providers, s->diagnostics);
	/* What is wrong with the file is of more use than what is wrong with this host. */
	if (diagnostics_count(s->diagnostics)) {
		error_clear(err);
		ok = false;
	}
	return unwatch(s, ok, err);
}

/* The file's providers are asked even if providers.json does not know of them. One that cannot be
 * started has not made anything from here. */
static void start_quietly(struct session *s)
{
	GHashTable *tried = g_hash_table_new(g_str_hash, g_str_equal);

	for (unsigned i = 0; s->fleet && i < s->fleet->resources->len; i++) {
		const char *name = ((struct resource *)s->fleet->resources->pdata[i])->provider;
		struct error *err = NULL;

		if (g_hash_table_add(tried, (void *)name) &&
			!providers_get(s->providers, name, &err))
			error_clear(&err);
	}
	g_hash_table_destroy(tried);
}

/* True if all that there is was asked for. */
static bool ask(struct session *s, struct fleet *fleet, bool quietly, struct error **err)
{
	bool ok;

	watch(s);
	if (quietly)
		start_quietly(s);
	if (s->world)
		world_free(s->world);
	s->world = world_new();
	ok = refresh(s->world, fleet, s->providers, s->state, err);
	return unwatch(s, ok, err);
}

bool session_plan(struct session *s, bool all_gone, struct error **err)
{
	struct fleet *fleet = all_gone ? NULL : s->fleet;

	if (!ask(s, fleet, all_gone, err))
		return false;
	s->plan = plan_new(s->arena, fleet, s->world, s->diagnostics);
	return diagnostics_count(s->diagnostics) == 0;
}

bool session_list(struct session *s, struct error **err)
{
	return ask(s, NULL, false, err);
}

bool session_machine(struct session *s, const char *name, struct error **err)
{
	bool ok;

	watch(s);
	s->world = world_new();
	ok = refresh_machine(s->world, name, s->providers, s->state, err);
	return unwatch(s, ok, err);
}

/* Law 4's other half: who may have made something is on disk before it makes it. */
static bool note_providers(struct session *s, struct error **err)
{
	for (unsigned i = 0; i < s->plan->steps->len; i++) {
		const struct step *step = s->plan->steps->pdata[i];
		struct client *client = providers_find(s->providers, step->provider);
		const struct client_kind *kind = client ? client_kind(client, step->kind) : NULL;

		if (kind && kind->lists && step->action >= STEP_CREATE &&
			step->action <= STEP_DELETE &&
			!state_add_provider(s->state, step->provider, err))
			return false;
	}
	return true;
}

static bool in_file(const struct session *s, const char *provider)
{
	for (unsigned i = 0; s->plan->fleet && i < s->fleet->resources->len; i++)
		if (!strcmp(((struct resource *)s->fleet->resources->pdata[i])->provider, provider))
			return true;
	return false;
}

/* Nothing of this provider is there, and that is certain. */
static bool has_nothing(struct session *s, const struct world *world, const char *provider)
{
	struct client *client = providers_find(s->providers, provider);
	GPtrArray *listed = world_listed(world);
	bool nothing = client != NULL;
	size_t count = 0;
	const struct client_kind *kinds = client ? client_kinds(client, &count) : NULL;

	for (unsigned i = 0; i < listed->len; i++)
		if (!strcmp(((struct actual *)listed->pdata[i])->provider, provider))
			nothing = false;
	for (size_t i = 0; i < count; i++)
		if (world_incomplete(world, provider, kinds[i].name))
			nothing = false;
	g_ptr_array_free(listed, TRUE);
	return nothing;
}

/* True if that is certain of every provider that could be asked. */
static bool nothing_left(struct session *s, const struct world *world)
{
	g_autoptr(GPtrArray) running = providers_running(s->providers);

	for (unsigned i = 0; i < s->state->providers->len; i++)
		if (!has_nothing(s, world, s->state->providers->pdata[i]))
			return false;
	for (unsigned i = 0; i < running->len; i++)
		if (!has_nothing(s, world, running->pdata[i]))
			return false;
	return true;
}

static bool drop_providers(struct session *s, const struct world *world, struct error **err)
{
	for (unsigned i = s->state->providers->len; i-- > 0;) {
		const char *name = s->state->providers->pdata[i];

		if (!in_file(s, name) && has_nothing(s, world, name) &&
			!state_drop_provider(s->state, name, err))
			return false;
	}
	return true;
}

static bool any_not_in_file(const struct session *s)
{
	for (unsigned i = 0; i < s->state->providers->len; i++)
		if (!in_file(s, s->state->providers->pdata[i]))
			return true;
	return !s->plan->fleet;
}

/* Providers that the file does not name are asked once more; an entry goes only after a complete,
 * empty list. */
static bool settle(struct session *s, bool *gone, struct error **err)
{
	AUTO(world) struct world *world = world_new();
	struct error *trouble = NULL;

	*gone = false;
	if (!any_not_in_file(s))
		return true;
	/* One that has died on the way is asked by the next run: its entry stays. */
	if (!refresh(world, NULL, s->providers, s->state, &trouble)) {
		error_free(trouble);
		return true;
	}
	if (s->plan->fleet || !nothing_left(s, world))
		return drop_providers(s, world, err);
	*gone = true;
	return state_remove(s->state, err);
}

struct fan {
	struct journal *journal; /* or NULL */
	event_sink *sink;
	void *data;
};

static void fan_out(void *data, const struct event *event)
{
	struct fan *fan = data;

	if (fan->journal)
		journal_note(fan->journal, event);
	fan->sink(fan->data, event);
}

static void warn(struct fan *fan, const char *text)
{
	AUTO(gfree) char *line = g_strdup_printf("the journal cannot be written: %s", text);
	struct event event = {.type = EVENT_WARNING, .text = line};

	fan->sink(fan->data, &event);
}

bool session_apply(struct session *s, const char *command, event_sink *sink, void *data,
	struct totals *totals, bool *gone, struct error **err)
{
	struct fan fan = {NULL, sink, data};
	struct executor_options options = {s->run, fan_out, &fan, &s->interrupts, s->parallel};
	AUTO(gfree) char *path = g_build_filename(s->state->folder, "journal.db", NULL);
	struct error *trouble = NULL;

	/* One that came after the plan was made has not been seen yet. */
	interrupts_watch(&s->interrupts);
	g_main_context_iteration(NULL, FALSE);
	if (!unwatch(s, true, err))
		return false;
	if (!state_create(s->state, err) || !note_providers(s, err))
		return false;
	fan.journal = journal_open(path, &trouble);
	if (fan.journal)
		journal_begin(fan.journal, s->run, command);
	else
		warn(&fan, trouble->message);
	error_clear(&trouble);
	execute(s->plan, s->state, s->providers, &options, totals);
	if (fan.journal && journal_failure(fan.journal))
		warn(&fan, journal_failure(fan.journal));
	if (fan.journal)
		journal_close(fan.journal);
	return settle(s, gone, err);
}
