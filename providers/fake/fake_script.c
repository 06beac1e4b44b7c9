/* Finds the rules of a script and acts them out. */
#include "fake_script.h"

#include <fnmatch.h>
#include <signal.h>
#include <string.h>

#include "base/file.h"
#include "base/id.h"
#include "base/text.h"
#include "document/json.h"
#include "fake_store.h"
#include "provider/serve.h"

enum { FILE_MOST = 1 << 20, DIGEST_KEPT = 16, GATE_STEP = 5 };

struct script {
	struct arena *arena;
	const char *folder, *path, *used_path;
	const struct value *rules; /* NULL: there is no script */
};

static const char *const keys[] = {"address", "call", "kind", "action", "until", "times", "skip",
	"at", "delay", "progress", "gate", "fail", "answer", "hang", "write", "flood", "spill",
	"crash", "quit", "incomplete", NULL};

static bool load(struct arena *arena, const char *path, struct value **value, struct error **err)
{
	AUTO(gfree) char *text = NULL;
	size_t length;

	*value = NULL;
	if (!file_exists(path))
		return true;
	if (!file_read(path, FILE_MOST, &text, &length, err))
		return false;
	*value = json_parse(arena, text, length, err);
	return *value || error_prefix(err, "'%s'", path);
}

static bool check_rule(const struct script *script, const struct value *rule, struct error **err)
{
	if (rule->type != VALUE_MAP) {
		error_set(err, ERROR_CONFIG, "'%s': a rule that is no map", script->path);
		return false;
	}
	for (size_t i = 0; i < rule->map.count; i++) {
		const char *key = rule->map.members[i].key;

		if (g_strv_contains(keys, key))
			continue;
		error_set(
			err, ERROR_CONFIG, "'%s': a rule with an unknown '%s'", script->path, key);
		return false;
	}
	return true;
}

static bool script_load(struct script *script, const struct call *call, struct error **err)
{
	struct value *map;

	script->arena = call->arena;
	script->folder = fake_store_folder(call->arena, call->state_dir);
	script->path = arena_printf(call->arena, "%s/script.json", script->folder);
	script->used_path = arena_printf(call->arena, "%s/used.json", script->folder);
	if (!load(call->arena, script->path, &map, err))
		return false;
	script->rules = value_get_list(map, "rules");
	if (map && !script->rules) {
		error_set(err, ERROR_CONFIG, "'%s' has no list 'rules'", script->path);
		return false;
	}
	for (size_t i = 0; script->rules && i < script->rules->list.count; i++)
		if (!check_rule(script, script->rules->list.items[i], err))
			return false;
	return true;
}

static bool matches(const struct value *rule, const char *key, const char *text)
{
	const char *pattern = value_get_string(rule, key);

	return !pattern || (text && fnmatch(pattern, text, 0) == 0);
}

static bool fits(const struct value *rule, const struct call *call, const struct object *object)
{
	static const char *const actions[] = {
		[ACTION_NONE] = NULL,
		[ACTION_CREATE] = "create",
		[ACTION_UPDATE] = "update",
		[ACTION_REPLACE] = "replace",
		[ACTION_DELETE] = "delete",
	};

	return matches(rule, "call", call->name) &&
	       matches(rule, "kind", object ? object->kind : call->kind) &&
	       matches(rule, "address", object ? object->address : "") &&
	       matches(rule, "until", object ? object->until : NULL) &&
	       matches(rule, "action", object ? actions[object->action] : NULL);
}

/* True if it is this use's turn. How often each rule was met is kept under its number and text, so
 * that a rule that was rewritten starts anew. */
static bool take_turn(const struct script *script, const struct call *call, size_t number,
	const struct value *rule, bool *turn, struct error **err)
{
	int64_t times = value_get_integer(rule, "times", 0);
	int64_t skip = value_get_integer(rule, "skip", 0), met;
	AUTO(gfree) char *text = json_canonical(rule);
	AUTO(gfree) char *digest = id_digest(text, strlen(text));
	const char *key = arena_printf(script->arena, "%zu:%.*s", number, (int)DIGEST_KEPT, digest);
	AUTO(fd) int lock = -1;
	struct value *used;

	*turn = true;
	if (!times && !skip)
		return true;
	if (!fake_store_lock(call->state_dir, &lock, err) ||
		!load(script->arena, script->used_path, &used, err))
		return false;
	if (!used)
		used = value_map(script->arena);
	met = value_get_integer(used, key, 0) + 1;
	value_set(script->arena, used, key, value_integer(script->arena, met));
	*turn = met > skip && (!times || met <= skip + times);
	return fake_store_write(script->folder, script->used_path, used, err);
}

static const struct fake_rule *parse(const struct script *script, const struct value *map)
{
	struct fake_rule *rule = arena_new_of(script->arena, struct fake_rule);
	const char *moment = value_get_string(map, "at"), *gate = value_get_string(map, "gate");

	rule->moment = !g_strcmp0(moment, "during")  ? FAKE_DURING
		       : !g_strcmp0(moment, "after") ? FAKE_AFTER
						     : FAKE_BEFORE;
	rule->delay = value_get_integer(map, "delay", 0);
	rule->progress = value_get_list(map, "progress");
	rule->gate = gate ? arena_printf(script->arena, "%s/%s", script->folder, gate) : NULL;
	rule->fail = value_get_map(map, "fail");
	rule->answer = value_get_string(map, "answer");
	rule->hang = value_get_string(map, "hang");
	rule->write = value_get_string(map, "write");
	rule->flood = value_get_integer(map, "flood", 0);
	rule->spill = value_get_integer(map, "spill", 0);
	rule->crash = value_get_boolean(map, "crash", false);
	rule->quit = value_get_boolean(map, "quit", false);
	rule->incomplete = value_get_boolean(map, "incomplete", false);
	return rule;
}

bool fake_script_match(const struct call *call, const struct object *object,
	const struct fake_rule **rule, struct error **err)
{
	struct script script;

	*rule = NULL;
	if (!script_load(&script, call, err))
		return false;
	for (size_t i = 0; !*rule && script.rules && i < script.rules->list.count; i++) {
		const struct value *map = script.rules->list.items[i];
		bool turn = false;

		if (!fits(map, call, object))
			continue;
		if (!take_turn(&script, call, i, map, &turn, err))
			return false;
		if (turn)
			*rule = parse(&script, map);
	}
	return true;
}

/* What another provider might write by itself: the relay passes every line of a worker on. */
static void write_raw(struct call *call, const char *text, size_t length)
{
	int fd = ((struct served *)call)->fd;

	if (!fd_write_all(fd, ".", 1) || !fd_write_all(fd, text, length) ||
		!fd_write_all(fd, "\n", 1))
		_exit(1);
}

static void spill(struct call *call, int64_t bytes)
{
	AUTO(gfree) char *text = g_malloc(bytes);

	memset(text, 'x', bytes);
	write_raw(call, text, bytes);
}

static void sleep_for(int64_t milliseconds)
{
	if (milliseconds > 0)
		g_usleep(milliseconds * 1000);
}

/* The engine's limit on the request is the limit of this as well. */
static void wait_at(const char *gate)
{
	while (gate && !file_exists(gate))
		sleep_for(GATE_STEP);
}

/* Tells the lines in even steps of the delay. False when the limit came first. */
static bool take_time(struct call *call, const struct object *object, const struct fake_rule *rule,
	int64_t limit, struct error **err)
{
	size_t count = rule->progress ? rule->progress->list.count : 0;
	bool late = limit > 0 && rule->delay > limit;
	int64_t time = late ? limit : rule->delay;

	for (size_t i = 0; i < count; i++) {
		const struct value *text = rule->progress->list.items[i];

		if (text->type == VALUE_STRING)
			emit_progress(call, object, "%s", text->text.bytes);
		sleep_for(time / (int64_t)(count + 1));
	}
	sleep_for(time - time / (int64_t)(count + 1) * (int64_t)count);
	if (late) {
		AUTO(gfree) char *text = duration_format(limit);

		error_set(err, ERROR_TIMEOUT, "it did not come within %s", text);
	}
	return !late;
}

static void hang(const char *how)
{
	if (!strcmp(how, "deaf"))
		signal(SIGTERM, SIG_IGN);
	for (;;)
		pause();
}

static void set_failure(const struct value *fail, struct error **err)
{
	const char *class = value_get_string(fail, "class"), *hint = value_get_string(fail, "hint");
	const char *message = value_get_string(fail, "message");

	error_set(err, class ? error_class_parse(class) : ERROR_FAILED, "%s",
		message ? message : "the script says so");
	if (hint)
		error_hint(err, "%s", hint);
}

bool fake_script_act(struct call *call, const struct object *object, const struct fake_rule *rule,
	enum fake_moment moment, int64_t limit, struct error **err)
{
	if (!rule || rule->moment != moment)
		return true;
	if (!take_time(call, object, rule, limit, err))
		return false;
	wait_at(rule->gate);
	for (int64_t i = 0; i != rule->flood; i++)
		emit_progress(call, object, "line %" G_GINT64_FORMAT, i + 1);
	if (rule->write)
		write_raw(call, rule->write, strlen(rule->write));
	if (rule->spill > 0)
		spill(call, rule->spill);
	if (rule->quit)
		kill(getppid(), SIGKILL);
	if (rule->crash)
		kill(getpid(), SIGKILL);
	if (rule->hang || rule->quit)
		hang(rule->hang ? rule->hang : "deaf");
	if (rule->fail)
		set_failure(rule->fail, err);
	return !rule->fail;
}
