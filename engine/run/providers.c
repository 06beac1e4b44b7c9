/* Started side by side, asked for their schemas, found by name. */
#include "run/providers.h"

#include <string.h>

enum { STOP_LIMIT = 15000, INTERRUPT_LIMIT = 3000 };

struct providers {
	const struct state *state;
	GHashTable *clients; /* name → struct client */
	GHashTable *broken;  /* name → struct error */
	bool interrupted;
	unsigned timer; /* until those that were interrupted are made to end, or 0 */
};

static void free_error(void *err)
{
	error_free(err);
}

struct providers *providers_new(const struct state *state)
{
	struct providers *providers = g_new0(struct providers, 1);

	providers->state = state;
	providers->clients = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	providers->broken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_error);
	return providers;
}

static void hang_up_all(struct providers *providers)
{
	GHashTableIter iter;
	void *client;

	g_hash_table_iter_init(&iter, providers->clients);
	while (g_hash_table_iter_next(&iter, NULL, &client))
		client_hang_up(client);
}

static int kill_all(void *data)
{
	struct providers *providers = data;
	GHashTableIter iter;
	void *client;

	providers->timer = 0;
	g_hash_table_iter_init(&iter, providers->clients);
	while (g_hash_table_iter_next(&iter, NULL, &client))
		client_kill(client);
	return G_SOURCE_REMOVE;
}

void providers_interrupt(struct providers *providers)
{
	if (!providers->interrupted) {
		hang_up_all(providers);
		providers->timer = g_timeout_add(INTERRUPT_LIMIT, kill_all, providers);
	} else if (providers->timer) {
		g_source_remove(providers->timer);
		kill_all(providers);
	}
	providers->interrupted = true;
}

void providers_free(struct providers *providers)
{
	GHashTableIter iter;
	void *client;

	if (providers->timer)
		g_source_remove(providers->timer);
	hang_up_all(providers);
	g_hash_table_iter_init(&iter, providers->clients);
	while (g_hash_table_iter_next(&iter, NULL, &client))
		client_stop(client, STOP_LIMIT);
	g_hash_table_destroy(providers->clients);
	g_hash_table_destroy(providers->broken);
	g_free(providers);
}

struct client *providers_find(const struct providers *providers, const char *name)
{
	return g_hash_table_lookup(providers->clients, name);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *providers_running(const struct providers *providers)
{
	GPtrArray *names = g_ptr_array_new();
	GHashTableIter iter;
	void *name;

	g_hash_table_iter_init(&iter, providers->clients);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		g_ptr_array_add(names, name);
	g_ptr_array_sort(names, by_text);
	return names;
}

static struct client *start(struct providers *providers, const char *name, struct error **err)
{
	struct client_options options = {
		.state_dir = providers->state->root, .lock_fd = providers->state->lock};
	struct client *client = providers_find(providers, name);

	if (client)
		return client;
	if (providers->interrupted) {
		error_set(err, ERROR_CANCELLED, "provider '%s' is not started: interrupted", name);
		return NULL;
	}
	client = client_start(name, &options, err);
	if (client)
		g_hash_table_insert(providers->clients, g_strdup(name), client);
	return client;
}

struct client *providers_get(struct providers *providers, const char *name, struct error **err)
{
	struct client *client = start(providers, name, err);

	/* One that has died stays: requests of it are still to be ended. */
	return client && client_ready(client, err) ? client : NULL;
}

/* What names the provider of a resource; NULL: nothing does, it is the one by default. */
static const struct value *naming(const struct fleet *fleet, const struct resource *r)
{
	const struct value *key = value_get(r->written, "provider");

	return key || !r->is_machine ? key : value_get(fleet->defaults, "provider");
}

static bool is_there(const char *name)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *path = client_find(name, &err);

	return path != NULL;
}

static void set_broken(const struct resource *r, const struct value *key,
	const struct error *broken, struct error **err)
{
	struct span span = key ? key->span : r->span;

	if (*err)
		return;
	error_set(err, broken->class, "%s", broken->message);
	if (broken->hint)
		error_hint(err, "%s", broken->hint);
	error_place(err, span.source->name, span.line, span.column);
}

/* Each place that names a provider that there is not is wrong, but needs to be told once alone. */
static void report_broken(const struct providers *providers, const struct fleet *fleet,
	struct diagnostics *diagnostics, struct error **err)
{
	g_autoptr(GHashTable) told = g_hash_table_new(NULL, NULL);

	for (unsigned i = 0; i < fleet->resources->len; i++) {
		const struct resource *r = fleet->resources->pdata[i];
		const struct error *broken = g_hash_table_lookup(providers->broken, r->provider);
		const struct value *key = naming(fleet, r);

		if (!broken || !g_hash_table_add(told, key ? (void *)key : (void *)broken))
			continue;
		if (is_there(r->provider)) {
			set_broken(r, key, broken, err);
			continue;
		}
		diagnostic_add(diagnostics, key ? key->span : r->span, "%s", broken->message);
		if (broken->hint)
			diagnostic_hint(diagnostics, "%s", broken->hint);
	}
}

bool providers_start_for(struct providers *providers, const struct fleet *fleet,
	struct diagnostics *diagnostics, struct error **err)
{
	for (unsigned i = 0; i < fleet->resources->len; i++) {
		const char *name = ((struct resource *)fleet->resources->pdata[i])->provider;
		struct error *broken = NULL;

		if (!g_hash_table_contains(providers->broken, name) &&
			!start(providers, name, &broken))
			g_hash_table_insert(providers->broken, g_strdup(name), broken);
	}
	for (unsigned i = 0; i < fleet->resources->len; i++) {
		const char *name = ((struct resource *)fleet->resources->pdata[i])->provider;
		struct client *client = providers_find(providers, name);
		struct error *broken = NULL;

		if (client && !g_hash_table_contains(providers->broken, name) &&
			!client_ready(client, &broken))
			g_hash_table_insert(providers->broken, g_strdup(name), broken);
	}
	report_broken(providers, fleet, diagnostics, err);
	return !*err;
}

bool providers_kind(
	void *data, const char *provider, const char *kind, const struct field **fields, bool *open)
{
	static const struct field none = {0};
	struct providers *providers = data;
	struct client *client = providers_find(providers, provider);
	const struct client_kind *found = client ? client_kind(client, kind) : NULL;

	/* One that could not be started was reported already: let anything pass. */
	if (!found && g_hash_table_contains(providers->broken, provider)) {
		*fields = &none;
		return *open = true;
	}
	if (!found)
		return false;
	*fields = found->fields;
	*open = found->open;
	return true;
}
