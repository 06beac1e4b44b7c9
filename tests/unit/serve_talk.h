/* A conversation with a provider program, line by line, for tests of the SDK. */
#ifndef TESTS_SERVE_TALK_H
#define TESTS_SERVE_TALK_H

#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "document/json.h"
#include "provider/provider.h"

enum { PATIENCE = 20000 };

struct talk {
	struct process process;
	int in, out;
	GString *bytes;
	int64_t next_id;
};

static inline void talk_start(struct talk *t, const char *argument, int lock)
{
	const char *argv[] = {"/proc/self/exe", argument, NULL};
	int in[2], out[2], keep[] = {lock, -1};
	struct process_options options = {.stderr_fd = -1, .keep = keep};
	struct error *err = NULL;

	g_assert_cmpint(pipe2(in, O_CLOEXEC), ==, 0);
	g_assert_cmpint(pipe2(out, O_CLOEXEC), ==, 0);
	options.stdin_fd = in[0];
	options.stdout_fd = out[1];
	g_assert_true(process_spawn(argv, &options, &t->process, &err));
	close(in[0]);
	close(out[1]);
	t->in = in[1];
	t->out = out[0];
	t->bytes = g_string_new(NULL);
	t->next_id = 1;
}

static inline void say(struct talk *t, const char *text)
{
	g_assert_true(fd_write_all(t->in, text, strlen(text)));
	g_assert_true(fd_write_all(t->in, "\n", 1));
}

/* The next line, as a value; NULL at the end. */
static inline struct value *hear(struct talk *t, struct arena *arena)
{
	char buffer[65536], *end;
	struct error *err = NULL;
	struct value *value;

	while (!(end = memchr(t->bytes->str, '\n', t->bytes->len))) {
		struct pollfd fd = {t->out, POLLIN, 0};
		ssize_t n;

		g_assert_cmpint(poll(&fd, 1, PATIENCE), ==, 1);
		n = read(t->out, buffer, sizeof(buffer));
		g_assert_cmpint(n, >=, 0);
		if (n == 0)
			return NULL;
		g_string_append_len(t->bytes, buffer, n);
	}
	value = json_parse(arena, t->bytes->str, end - t->bytes->str, &err);
	g_assert_nonnull(value);
	g_string_erase(t->bytes, 0, end + 1 - t->bytes->str);
	return value;
}

static inline bool is_done(const struct value *message)
{
	return value_get_boolean(message, "done", false);
}

/* Everything up to the end of one request; of others nothing is expected. */
static inline struct value *hear_all(struct talk *t, struct arena *arena, int64_t id)
{
	struct value *all = value_list(arena), *message;

	do {
		message = hear(t, arena);
		g_assert_nonnull(message);
		g_assert_cmpint(value_get_integer(message, "id", -1), ==, id);
		value_append(arena, all, message);
	} while (!is_done(message));
	return all;
}

static inline const struct value *last(const struct value *all)
{
	return all->list.items[all->list.count - 1];
}

static inline const char *error_text(const struct value *message, const char *key)
{
	return value_get_string(value_get_map(message, "error"), key);
}

/* The answer for an address, NULL if there is none. */
static inline const struct value *answer_of(const struct value *all, const char *address)
{
	for (size_t i = 0; i < all->list.count; i++) {
		const struct value *object = value_get_map(all->list.items[i], "object");

		if (!g_strcmp0(value_get_string(object, "address"), address))
			return object;
	}
	return NULL;
}

static inline int64_t ask(struct talk *t, const char *rest)
{
	int64_t id = t->next_id++;
	AUTO(gfree)
	char *text = g_strdup_printf("{\"id\":%" G_GINT64_FORMAT
				     ",\"fleet\":{\"name\":\"shop\",\"id\":\"i1\"},%s}",
		id, rest);

	say(t, text);
	return id;
}

/* A read of things with these names, which are separated by spaces. */
static inline int64_t ask_read(struct talk *t, const char *names)
{
	GString *text = g_string_new("\"call\":\"read\",\"objects\":[");
	char **list = g_strsplit(names, " ", -1);
	int64_t id;

	for (int i = 0; list[i]; i++)
		g_string_append_printf(text,
			"%s{\"address\":\"%s.%s\",\"kind\":\"%s\",\"name\":\"%s\"}", i ? "," : "",
			g_str_has_prefix(list[i], "other") ? "other" : "thing", list[i],
			g_str_has_prefix(list[i], "other") ? "other" : "thing", list[i]);
	g_string_append(text, "]");
	id = ask(t, text->str);
	g_string_free(text, TRUE);
	g_strfreev(list);
	return id;
}

static inline void greet(struct talk *t)
{
	AUTO(arena) struct arena *arena = arena_new();
	int64_t id = ask(t, "\"call\":\"hello\",\"protocol\":1,\"state_dir\":\"/tmp\"");

	hear_all(t, arena, id);
}

static inline void talk_open(struct talk *t, const void *data)
{
	(void)data;
	talk_start(t, "--serve", -1);
	greet(t);
}

/* Its end must follow the end of its input, and be a clean one. */
static inline void talk_close(struct talk *t, const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct error *err = NULL;
	int status;

	(void)data;
	close(t->in);
	while (hear(t, arena))
		;
	g_assert_true(process_wait(&t->process, PATIENCE, &status, &err));
	g_assert_cmpint(status, ==, 0);
	process_close(&t->process);
	close(t->out);
	g_string_free(t->bytes, TRUE);
}

static inline bool is_gone(pid_t pid)
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

#endif
