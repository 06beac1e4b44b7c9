/* Fields of the built-in kinds, and kinds from a file. */
#include "fake_kinds.h"

#include <string.h>

#include "base/file.h"
#include "document/json.h"
#include "fake_store.h"

enum { FILE_MOST = 1 << 20 };

static const char *const states[] = {"running", "stopped", NULL};
static const struct field text_item = {.type = FIELD_STRING};

const struct field fake_machine_fields[] = {
	{.name = "image",
		.type = FIELD_STRING,
		.change = CHANGE_REPLACE,
		.doc = "what it starts from; any name"},
	{.name = "cpus",
		.type = FIELD_INTEGER,
		.change = CHANGE_REBOOT,
		.fallback = "1",
		.least = 1,
		.most = 1024,
		.doc = "virtual processors"},
	{.name = "memory",
		.type = FIELD_SIZE,
		.change = CHANGE_REBOOT,
		.fallback = "536870912",
		.least = 1 << 20,
		.most = INT64_MAX,
		.doc = "main memory"},
	{.name = "disk",
		.type = FIELD_SIZE,
		.change = CHANGE_REBOOT,
		.fallback = "2147483648",
		.least = 1 << 20,
		.most = INT64_MAX,
		.doc = "size of the first disk"},
	{.name = "state",
		.type = FIELD_STRING,
		.fallback = "\"running\"",
		.choices = states,
		.doc = "whether it runs"},
	{.name = "user",
		.type = FIELD_STRING,
		.change = CHANGE_REPLACE,
		.fallback = "\"root\"",
		.doc = "who logs in"},
	{.name = "keys",
		.type = FIELD_LIST,
		.item = &text_item,
		.doc = "public keys that may log in"},
	{.name = "ports",
		.type = FIELD_LIST,
		.item = &text_item,
		.change = CHANGE_REBOOT,
		.doc = "forwarded ports, as HOST:INSIDE/tcp"},
	{.name = "tags", .type = FIELD_MAP, .item = &text_item, .doc = "anything, changed live"},
	{.name = "address",
		.type = FIELD_STRING,
		.computed = true,
		.doc = "an address that follows from its name"},
	{.name = "ssh_port",
		.type = FIELD_INTEGER,
		.computed = true,
		.doc = "a port that follows from its name"},
	{.name = "id", .type = FIELD_STRING, .computed = true, .doc = "new with each creation"},
	{0},
};

const struct field fake_any_fields[] = {
	{.name = "key",
		.type = FIELD_STRING,
		.computed = true,
		.doc = "what a reference to it becomes"},
	{.name = "id", .type = FIELD_STRING, .computed = true, .doc = "new with each creation"},
	{0},
};

static bool parse(struct arena *arena, const struct value *map, const struct provider_kind *pattern,
	struct provider_kind *kind, struct error **err)
{
	const struct value *fields = value_get_list(map, "fields");

	*kind = (struct provider_kind){
		.name = value_get_string(map, "name"),
		.open = value_get_boolean(map, "open", false),
		.batch = value_get_boolean(map, "batch", false),
		.machine = value_get_boolean(map, "machine", false),
		.parallel = CLAMP(value_get_integer(map, "parallel", 0), 0, INT16_MAX),
		.change_limit = value_get_integer(map, "change_limit", 0),
		.wait_limit = value_get_integer(map, "wait_limit", 0),
		.list = value_get_boolean(map, "lists", true) ? pattern->list : NULL,
		.read = pattern->read,
		.change = pattern->change,
	};
	if (!kind->name || !fields) {
		error_set(err, ERROR_CONFIG, "a kind without 'name' or 'fields'");
		return false;
	}
	kind->wait = kind->machine ? pattern->wait : NULL;
	kind->fields = schema_from_value(arena, fields, err);
	return kind->fields || error_prefix(err, "kind '%s'", kind->name);
}

static const struct value *load(struct arena *arena, const char *path, struct error **err)
{
	AUTO(gfree) char *text = NULL;
	const struct value *map, *list;
	size_t length;

	if (!file_read(path, FILE_MOST, &text, &length, err))
		return NULL;
	map = json_parse(arena, text, length, err);
	list = value_get_list(map, "kinds");
	if (map && !list)
		error_set(err, ERROR_CONFIG, "there is no list 'kinds'");
	return list;
}

static bool has(const struct provider_kind *kinds, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(kinds[i].name, name))
			return true;
	return false;
}

const struct provider_kind *fake_kinds_load(struct arena *arena, const char *state_dir,
	const struct provider_kind *built_in, struct error **err)
{
	const char *path =
		arena_printf(arena, "%s/kinds.json", fake_store_folder(arena, state_dir));
	const struct value *list;
	struct provider_kind *kinds;
	size_t count = 0, given;

	if (!file_exists(path))
		return built_in;
	list = load(arena, path, err);
	if (!list) {
		error_prefix(err, "'%s'", path);
		return NULL;
	}
	for (const struct provider_kind *kind = built_in; kind->name; kind++)
		count++;
	kinds = arena_array_of(arena, struct provider_kind, list->list.count + count + 1);
	for (given = 0; given < list->list.count; given++)
		if (!parse(arena, list->list.items[given], built_in, &kinds[given], err)) {
			error_prefix(err, "'%s'", path);
			return NULL;
		}
	count = given;
	for (const struct provider_kind *kind = built_in; kind->name; kind++)
		if (!has(kinds, given, kind->name))
			kinds[count++] = *kind;
	return kinds;
}

const struct provider_kind *fake_kinds_find(const struct provider_kind *kinds, const char *name)
{
	const struct provider_kind *any = NULL;

	for (const struct provider_kind *kind = kinds; kind->name; kind++) {
		if (!strcmp(kind->name, name))
			return kind;
		if (!strcmp(kind->name, "*"))
			any = kind;
	}
	return any;
}
