/* A provider for tests of the SDK. What it does to an object is said by the object's name. */
#ifndef TESTS_SERVE_PROVIDER_H
#define TESTS_SERVE_PROVIDER_H

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "provider/provider.h"

enum { LISTED = 10000 };

static void answer_text(struct call *call, const struct object *object, const char *text)
{
	struct answer answer = {.status = STATUS_PRESENT, .text = text};

	emit_answer(call, object, &answer);
}

static void answer_number(struct call *call, const struct object *object, int number)
{
	answer_text(call, object, arena_printf(call->arena, "%d", number));
}

static void read_link(struct call *call, const struct object *object)
{
	char path[4096] = "";

	if (readlink("/proc/self/fd/3", path, sizeof(path) - 1) < 0)
		answer_text(call, object, "none");
	else
		answer_text(call, object, path);
}

static void print_much(void)
{
	char line[100];

	for (int i = 0; i < 5000; i++)
		printf("{\"id\":1,\"done\":true} words that a library prints %d\n", i);
	fflush(stdout);
	/* What was the engine's is not ours to read. */
	if (fgets(line, sizeof(line), stdin))
		abort();
}

/* One that stays in the group and is deaf, or a program of its own that is to outlive us. */
static void start_child(struct call *call, const struct object *object, bool session)
{
	pid_t pid = fork();

	if (pid == 0 && session) {
		setsid();
		execlp("sleep", "sleep", "100", NULL);
		_exit(127);
	}
	if (pid == 0) {
		signal(SIGTERM, SIG_IGN);
		for (;;)
			pause();
	}
	/* It has set itself up before anybody hears of it. */
	g_usleep(50000);
	answer_number(call, object, pid);
	for (;;)
		pause();
}

static void answer_huge(struct call *call, const struct object *object)
{
	AUTO(gfree) char *text = g_strnfill(PROTOCOL_LINE_MOST, 'x');

	answer_text(call, object, text);
}

static void fail_one(struct call *call, const struct object *object)
{
	struct error *err = NULL;

	error_set(&err, ERROR_DENIED, "no \xff access");
	error_hint(&err, "ask");
	emit_failure(call, object, &err);
}

static void pause_for_good(struct call *call, const struct object *object, bool deaf)
{
	if (deaf)
		signal(SIGTERM, SIG_IGN);
	emit_progress(call, object, "%d", (int)getpid());
	for (;;)
		pause();
}

/* Whatever the sanitizers make of the signal. */
static void crash(void)
{
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

static bool read_one(struct call *call, const struct object *object, struct error **err)
{
	const char *name = object->name;

	if (!strcmp(name, "whole")) {
		error_set(err, ERROR_UNAVAILABLE, "not reachable");
		return false;
	}
	if (!strcmp(name, "fail"))
		fail_one(call, object);
	else if (!strcmp(name, "crash"))
		crash();
	else if (!strcmp(name, "exit"))
		_exit(7);
	else if (!strcmp(name, "print"))
		print_much();
	else if (!strcmp(name, "huge"))
		answer_huge(call, object);
	else if (!strcmp(name, "hang") || !strcmp(name, "deaf"))
		pause_for_good(call, object, !strcmp(name, "deaf"));
	else if (!strcmp(name, "child") || !strcmp(name, "session"))
		start_child(call, object, !strcmp(name, "session"));
	else if (!strcmp(name, "lock"))
		read_link(call, object);
	else if (!strcmp(name, "sleep"))
		g_usleep(50000);
	else if (!strcmp(name, "chat"))
		emit_progress(call, object, "%0199d\xc3\xa4", 0);
	if (strcmp(name, "silent") != 0)
		answer_text(call, object, "ok");
	return true;
}

static bool act_read(struct call *call, struct error **err)
{
	for (size_t i = 0; i < call->count; i++)
		if (!read_one(call, &call->objects[i], err))
			return false;
	return true;
}

static bool other_read(struct call *call, struct error **err)
{
	(void)err;
	for (size_t i = 0; i < call->count; i++)
		answer_number(call, &call->objects[i], (int)call->count);
	return true;
}

static bool act_list(struct call *call, struct error **err)
{
	struct answer answer = {.status = STATUS_PRESENT, .incarnation = call->fleet_id};

	(void)err;
	for (int i = 0; i < LISTED; i++) {
		AUTO(gfree) char *address = g_strdup_printf("thing.%d", i);

		emit_listed(call, address, "thing", &answer);
	}
	call->complete = true;
	return true;
}

static bool act_change(struct call *call, struct error **err)
{
	(void)err;
	for (size_t i = 0; i < call->count; i++) {
		const struct object *object = &call->objects[i];
		struct answer answer = {.status = STATUS_CHANGED,
			.text = object->expect,
			.actual = object->after,
			.record = object->record};

		emit_answer(call, object, &answer);
	}
	return true;
}

static const struct field thing_fields[] = {
	{.name = "size", .type = FIELD_SIZE, .change = CHANGE_REBOOT, .doc = "how large"}, {0}};

static const struct provider_kind kinds[] = {
	{.name = "thing",
		.fields = thing_fields,
		.parallel = 3,
		.list = act_list,
		.read = act_read,
		.change = act_change,
		.wait = act_read},
	{.name = "other", .read = other_read},
	{0},
};

static const struct provider provider = {.name = "test", .version = "1.2", .kinds = kinds};

#endif
