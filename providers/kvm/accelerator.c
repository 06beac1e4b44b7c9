/* KVM where it really runs, software where not, and always a reason. */
#include "accelerator.h"

#include <string.h>

#include "base/file.h"
#include "base/id.h"
#include "document/json.h"
#include "trial.h"

enum { CPUINFO_MOST = 16 << 20, CACHE_MOST = 4096, CACHE_FORMAT = 1 };

bool accelerator_has_flags(const char *cpuinfo)
{
	const char *line = strstr(cpuinfo, "\nflags");
	const char *end = line ? strchr(line + 1, '\n') : NULL;
	AUTO(gfree) char *flags = NULL;

	if (!line)
		return false;
	flags = g_strdup_printf("%.*s ", (int)(end ? end - line : (ptrdiff_t)strlen(line)), line);
	return strstr(flags, " vmx ") || strstr(flags, " svm ");
}

static bool host_has_flags(void)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *text = NULL;
	size_t length;

	return file_read("/proc/cpuinfo", CPUINFO_MOST, &text, &length, &err) &&
	       accelerator_has_flags(text);
}

static char *cache_path(const char *state_dir)
{
	return g_build_filename(state_dir, "accelerator.json", NULL);
}

static bool cache_load(struct arena *arena, const char *state_dir, struct accelerator *accelerator)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *path = cache_path(state_dir);
	AUTO(gfree) char *text = NULL;
	AUTO(gfree) char *boot = id_boot();
	const struct value *map;
	size_t length;

	if (!file_read(path, CACHE_MOST, &text, &length, &err))
		return false;
	map = json_parse(arena, text, length, &err);
	if (value_get_integer(map, "format", 0) != CACHE_FORMAT ||
		g_strcmp0(value_get_string(map, "boot"), boot) != 0)
		return false;
	accelerator->kvm = value_get_boolean(map, "kvm", false);
	accelerator->reason = value_get_string(map, "reason");
	return accelerator->kvm || accelerator->reason;
}

/* A cache that cannot be written costs the next one a trial, nothing else. */
static void cache_save(
	struct arena *arena, const char *state_dir, const struct accelerator *accelerator)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *path = cache_path(state_dir);
	AUTO(gfree) char *boot = id_boot();
	AUTO(gfree) char *text = NULL;
	struct value *map = value_map(arena);

	value_set(arena, map, "format", value_integer(arena, CACHE_FORMAT));
	value_set(arena, map, "boot", value_string(arena, boot));
	value_set(arena, map, "kvm", value_boolean(arena, accelerator->kvm));
	if (accelerator->reason)
		value_set(arena, map, "reason", value_string(arena, accelerator->reason));
	text = json_canonical(map);
	if (file_exists(state_dir) && !file_write(path, text, strlen(text), 0600, &err))
		error_clear(&err);
}

/* What cannot be opened is asked again each time: a permission may be given at any moment. */
static void try(struct arena *arena, const char *state_dir, struct accelerator *accelerator)
{
	AUTO(error) struct error *err = NULL;

	if (!host_has_flags()) {
		accelerator->reason = "no vmx or svm in /proc/cpuinfo";
		return;
	}
	if (cache_load(arena, state_dir, accelerator))
		return;
	accelerator->kvm = trial_run(&err);
	if (err)
		accelerator->reason = arena_strdup(arena, err->message);
	if (!err || err->class == ERROR_FAILED)
		cache_save(arena, state_dir, accelerator);
}

bool accelerator_choose(struct arena *arena, const char *state_dir, const char *wish,
	struct accelerator *accelerator, struct error **err)
{
	*accelerator = (struct accelerator){0};
	if (!strcmp(wish, "tcg")) {
		accelerator->reason = "asked for";
		return true;
	}
	try(arena, state_dir, accelerator);
	if (accelerator->kvm || strcmp(wish, "kvm") != 0)
		return true;
	error_set(err, ERROR_MISSING, "accelerator: kvm cannot be used: %s", accelerator->reason);
	error_hint(err, "say 'auto' or 'tcg' to run the machine in software");
	return false;
}

const char *accelerator_format(struct arena *arena, const struct accelerator *accelerator)
{
	return accelerator->kvm ? "kvm" : arena_printf(arena, "tcg (%s)", accelerator->reason);
}
