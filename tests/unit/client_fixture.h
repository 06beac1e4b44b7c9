/* For tests of the client: small provider programs in a folder of their own, and what came of each
 * request. */
#ifndef TESTS_CLIENT_FIXTURE_H
#define TESTS_CLIENT_FIXTURE_H

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "document/json.h"
#include "provider/client_wire.h"

/* Generous: only a hang is to run into it. */
enum { PATIENCE = 20000 };

/* Whether a process has ended; it may be that nobody has reaped it yet. Waits a moment for it. */
static inline bool fixture_gone(pid_t pid)
{
	AUTO(gfree) char *path = g_strdup_printf("/proc/%d/stat", (int)pid);

	for (int i = 0; i < 200; i++) {
		AUTO(gfree) char *text = NULL;
		AUTO(error) struct error *err = NULL;
		const char *state;
		size_t length;

		if (!file_read(path, 4096, &text, &length, &err))
			return true;
		state = strrchr(text, ')');
		if (state && (state[2] == 'Z' || state[2] == 'X'))
			return true;
		g_usleep(10000);
	}
	return false;
}

/* Answers hello and schema as request 1 and 2, with one kind 'thing'. */
#define GREETING                                                                          \
	"IFS= read -r line\n"                                                             \
	"echo '{\"id\":1,\"hello\":{\"protocol\":1,\"name\":\"t\",\"version\":\"1\"}}'\n" \
	"echo '{\"id\":1,\"done\":true}'\n"                                               \
	"IFS= read -r line\n"                                                             \
	"echo '{\"id\":2,\"kind\":{\"name\":\"thing\",\"fields\":[],\"lists\":true}}'\n"  \
	"echo '{\"id\":2,\"done\":true}'\n"

struct fixture {
	char *folder; /* of programs, first in PROVISION_PROVIDER_PATH */
	char *state;
	struct client *client;
};

/* What came of a request. */
struct taken {
	struct client *client;
	struct request *request;
	unsigned objects, progress, done;
	char *address, *text; /* of the last object, of the last progress */
	bool complete, failed;
	enum error_class class;
	char *message, *hint;
	bool stop_in_object, stop_in_done; /* the callback stops the client */
};

static inline void fixture_fail(const char *what, const char *text)
{
	g_test_message("%s: '%s'", what, text ? text : "(null)");
	g_assert_not_reached();
}

/* The folder of the build: this program lies in its tests/. */
static inline char *fixture_build(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	AUTO(gfree) char *tests = NULL;

	g_assert_cmpint(n, >, 0);
	path[n] = '\0';
	tests = g_path_get_dirname(path);
	return g_path_get_dirname(tests);
}

static inline void fixture_open(struct fixture *f, const void *data)
{
	AUTO(gfree) char *build = fixture_build();
	AUTO(gfree) char *path = NULL;

	(void)data;
	f->folder = g_dir_make_tmp("client-XXXXXX", NULL);
	g_assert_nonnull(f->folder);
	f->state = g_build_filename(f->folder, "state", NULL);
	path = g_strdup_printf("%s:%s/providers", f->folder, build);
	g_setenv("PROVISION_PROVIDER_PATH", path, TRUE);
}

static inline void fixture_stop(struct fixture *f)
{
	if (f->client)
		client_stop(f->client, PATIENCE);
	f->client = NULL;
}

static inline void fixture_close(struct fixture *f, const void *data)
{
	struct error *err = NULL;

	(void)data;
	fixture_stop(f);
	g_assert_true(tree_remove(f->folder, &err));
	g_free(f->folder);
	g_free(f->state);
}

static inline void fixture_write(
	const struct fixture *f, const char *name, const char *text, mode_t mode)
{
	AUTO(gfree) char *path = g_build_filename(f->folder, name, NULL);
	AUTO(gfree) char *folder = g_path_get_dirname(path);
	struct error *err = NULL;

	g_assert_true(dir_make(folder, &err));
	g_assert_true(file_write(path, text, strlen(text), mode, &err));
}

static inline bool fixture_has(const struct fixture *f, const char *name)
{
	AUTO(gfree) char *path = g_build_filename(f->folder, name, NULL);

	return file_exists(path);
}

static inline void fixture_program(const struct fixture *f, const char *name, const char *body)
{
	AUTO(gfree) char *file = g_strconcat("provider-", name, NULL);
	AUTO(gfree) char *text = g_strconcat("#!/bin/sh\n", body, NULL);

	fixture_write(f, file, text, 0700);
}

static inline void fixture_script(const struct fixture *f, const char *rules)
{
	AUTO(gfree) char *text = g_strdup_printf("{\"rules\":[%s]}", rules);

	fixture_write(f, "state/fake/script.json", text, 0600);
}

static inline struct client *fixture_start(struct fixture *f, const char *name, int64_t limit)
{
	struct client_options options = {
		.state_dir = f->state, .lock_fd = -1, .ready_limit = limit};
	struct error *err = NULL;

	f->client = client_start(name, &options, &err);
	g_assert_nonnull(f->client);
	return f->client;
}

static inline struct client *fixture_ready(struct fixture *f, const char *name)
{
	struct error *err = NULL;
	struct client *client = fixture_start(f, name, PATIENCE);

	if (!client_ready(client, &err))
		fixture_fail("not ready", err->message);
	return client;
}

static inline void taken_object(void *data, const struct value *answer)
{
	struct taken *t = data;

	t->objects++;
	g_free(t->address);
	t->address = g_strdup(value_get_string(answer, "address"));
	if (t->stop_in_object)
		client_stop(t->client, PATIENCE);
}

static inline void taken_progress(void *data, const char *address, const char *text)
{
	struct taken *t = data;

	(void)address;
	t->progress++;
	g_free(t->text);
	t->text = g_strdup(text);
}

static inline void taken_done(void *data, bool complete, const struct error *err)
{
	struct taken *t = data;

	g_assert_cmpuint(t->done, ==, 0);
	t->done++;
	t->complete = complete;
	t->failed = err != NULL;
	if (err) {
		t->class = err->class;
		t->message = g_strdup(err->message);
		t->hint = g_strdup(err->hint);
	}
	if (t->stop_in_done)
		client_stop(t->client, PATIENCE);
}

static inline void taken_clear(struct taken *t)
{
	g_free(t->address);
	g_free(t->text);
	g_free(t->message);
	g_free(t->hint);
	memset(t, 0, sizeof(*t));
}

static inline void auto_taken(struct taken *t)
{
	taken_clear(t);
}

/* `extra` are further members of the message, as JSON text. */
static inline void send_call(struct fixture *f, struct taken *t, const char *extra, int64_t limit)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(gfree)
	char *text = g_strdup_printf(
		"{\"fleet\":{\"name\":\"shop\",\"id\":\"i1\"},\"run\":\"r1\",%s}", extra);
	struct request_handlers handlers = {taken_object, taken_progress, taken_done, t};
	struct error *err = NULL;
	struct value *message = json_parse(arena, text, strlen(text), &err);

	g_assert_nonnull(message);
	t->client = f->client;
	t->request = client_send(f->client, message, limit, &handlers);
	g_assert_cmpuint(t->done, ==, 0);
}

static inline int fixture_late(void *data)
{
	*(bool *)data = true;
	return G_SOURCE_REMOVE;
}

/* Runs the loop until the count is there. */
static inline void run_until(const unsigned *count, unsigned wanted)
{
	bool late = false;
	unsigned timer = g_timeout_add(PATIENCE, fixture_late, &late);

	while (*count < wanted && !late)
		g_main_context_iteration(NULL, TRUE);
	g_assert_false(late);
	g_source_remove(timer);
}

static inline void run_done(struct taken *t)
{
	run_until(&t->done, 1);
}

#define assert_contains(text, part)                                  \
	do {                                                         \
		if (!(text) || !strstr(text, part))                  \
			fixture_fail("no '" part "' in this", text); \
	} while (0)

#endif
