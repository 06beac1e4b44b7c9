/* A name beats a file; a file that was not given is fleet.yaml. */
#include "cli/find.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/output.h"
#include "cli/style.h"

static const char default_file[] = "fleet.yaml", other_file[] = "fleet.yml";

const char *find_path(const struct invocation *i)
{
	if (i->file)
		return i->file;
	return i->operand && !i->command->needs_operand ? i->operand : default_file;
}

/* "a, b, c" of all fleets that have something; NULL if none has. Caller frees. */
static char *known_fleets(const struct invocation *i)
{
	AUTO(gfree) char *root = state_root(i->state_dir);
	GPtrArray *names = state_fleets(root);
	char *all = NULL;

	g_ptr_array_add(names, NULL);
	if (names->len > 1)
		all = g_strjoinv(", ", (char **)names->pdata);
	g_ptr_array_free(names, TRUE);
	return all;
}

static bool has_option(const struct invocation *i, const char *name)
{
	for (const struct option *o = i->command->options; o && o->name; o++)
		if (!strcmp(o->name, name))
			return true;
	return false;
}

static bool check_exists(const struct invocation *i, struct error **err)
{
	const char *path = find_path(i);
	AUTO(gfree) char *shown = text_escape(path, strlen(path));
	AUTO(gfree) char *fleets = NULL;
	bool named = has_option(i, "fleet");

	/* What cannot be looked at is told when it is read. */
	if (file_exists(path) || (errno != ENOENT && errno != ENOTDIR))
		return true;
	if (path != default_file) {
		error_set(err, ERROR_USAGE, "there is no file '%s'", shown);
		return false;
	}
	fleets = named ? known_fleets(i) : NULL;
	error_set(err, ERROR_USAGE, "there is no '%s' in this folder", shown);
	if (file_exists(other_file))
		error_hint(
			err, "there is '%s': give it, or name it '%s'", other_file, default_file);
	else if (fleets)
		error_hint(err, "give a file, or '--fleet NAME'; there are: %s", fleets);
	else
		error_hint(err, "give a file: provision %s %s", i->command->name,
			has_option(i, "file") ? "-f FILE" : "FILE");
	return false;
}

bool find_file(struct session *session, const struct invocation *i, struct error **err)
{
	return check_exists(i, err) && session_load(session, find_path(i), err);
}

bool find_name(struct session *session, const struct invocation *i, struct error **err)
{
	if (i->fleet)
		return session_name(session, i->fleet, err);
	return check_exists(i, err) && session_load_name(session, find_path(i), err);
}

static void say_slow(void)
{
	output_people("provision: asking the providers what is there\n");
}

bool find_state(
	struct session *session, const struct invocation *i, const char *lock, struct error **err)
{
	AUTO(gfree) char *root = state_root(i->state_dir);

	if (isatty(STDERR_FILENO))
		session->slow = say_slow;
	return session_open(session, root, lock, err);
}

static const struct actual *pick(const struct session *session, const char *address)
{
	const struct actual *best = NULL;

	for (unsigned i = 0; i < session->state->providers->len; i++) {
		const struct actual *actual =
			world_find(session->world, session->state->providers->pdata[i], address);

		if (actual && actual->presence == PRESENCE_PRESENT)
			return actual;
		if (actual && actual->presence != PRESENCE_ABSENT)
			best = actual;
	}
	return best;
}

static void add_listed(const struct session *session, GPtrArray *names)
{
	GPtrArray *listed = world_listed(session->world);

	for (unsigned i = 0; i < listed->len; i++) {
		const struct actual *actual = listed->pdata[i];

		if (g_str_has_prefix(actual->address, "machine.") && !strchr(actual->address, '/'))
			g_ptr_array_add(names, (void *)(actual->address + strlen("machine.")));
	}
	g_ptr_array_free(listed, TRUE);
}

static void suggest(struct session *session, const char *name, struct error **err)
{
	AUTO(error) struct error *ignored = NULL;
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	const char *near;

	if (!session_list(session, &ignored))
		return;
	add_listed(session, names);
	g_ptr_array_add(names, NULL);
	near = text_suggest(name, (const char *const *)names->pdata);
	if (near) {
		error_hint(err, "did you mean '%s'?", near);
	} else if (names->len > 1 && names->len <= 11) {
		AUTO(gfree) char *all = g_strjoinv(", ", (char **)names->pdata);

		error_hint(err, "there are: %s", all);
	} else if (names->len > 1) {
		error_hint(err, "see 'provision status'");
	}
}

/* In the file, but not made yet? */
static bool is_declared(const struct session *session, const char *address)
{
	return session->fleet && fleet_find(session->fleet, address);
}

static void set_absent(
	struct session *session, const char *name, const char *address, struct error **err)
{
	AUTO(gfree) char *shown = text_escape(name, strlen(name));

	error_set(err, ERROR_FAILED, "fleet '%s' has no machine '%s'", session->name, shown);
	if (is_declared(session, address)) {
		error_hint(err, "it is in the file, but not made yet: provision apply");
		return;
	}
	if (session->state->exists)
		suggest(session, name, err);
	if (!(*err)->hint)
		error_hint(err, "the fleet has no machines; 'provision apply' makes them");
}

const struct actual *find_machine(
	struct session *session, const struct invocation *i, struct error **err)
{
	const char *name = i->operand;
	AUTO(gfree) char *address = g_strdup_printf("machine.%s", name);
	const struct actual *actual = NULL;

	if (name_valid(name)) {
		if (!session_machine(session, name, err))
			return NULL;
		actual = pick(session, address);
	}
	if (actual && actual->presence == PRESENCE_PRESENT)
		return actual;
	if (!actual) {
		set_absent(session, name, address, err);
		return NULL;
	}
	error_set(err, actual->presence == PRESENCE_FOREIGN ? ERROR_CONFLICT : actual->class,
		"machine '%s': %s", name, actual->text ? actual->text : "its state is not known");
	if (actual->hint)
		error_hint(err, "%s", actual->hint);
	return NULL;
}

int find_failed(struct session *session, const struct invocation *i, const struct error *err)
{
	struct style style = style_for(i, STDERR_FILENO);
	AUTO(gfree) char *text = NULL;

	if (session->interrupts.signal) {
		output_people("provision: interrupted, nothing was changed\n");
		return EXIT_SIGNALLED + session->interrupts.signal;
	}
	if (err) {
		int code = output_error(err);

		/* The one conflict that is nothing but somebody else being first. */
		return err->class == ERROR_CONFLICT && session->state && !session->world &&
				       session->state->lock < 0
			       ? EXIT_LOCKED
			       : code;
	}
	text = diagnostics_format(session->diagnostics, style.colour);
	output_people_text(text);
	return EXIT_WRONG_FILE;
}
