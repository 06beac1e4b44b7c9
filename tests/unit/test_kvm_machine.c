/* kvm: machine.json and the folders of a fleet; the process of a machine. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "document/json.h"
#include "kvm/make.h"
#include "kvm/running.h"

#define INCARNATION "0123456789abcdef0123456789abcdef"

struct fixture {
	struct arena *arena;
	char *state;
	struct call call;
};

static void set_up(struct fixture *f, const void *data)
{
	(void)data;
	f->arena = arena_new();
	f->state = g_dir_make_tmp("test-kvm-XXXXXX", NULL);
	f->call = (struct call){.arena = f->arena,
		.name = "read",
		.state_dir = f->state,
		.fleet = "shop",
		.fleet_id = "id-1",
		.run = "run-1"};
}

static void tear_down(struct fixture *f, const void *data)
{
	AUTO(error) struct error *err = NULL;

	(void)data;
	g_assert_true(tree_remove(f->state, &err));
	g_free(f->state);
	arena_free(f->arena);
}

static struct value *parse(struct arena *arena, const char *text)
{
	AUTO(error) struct error *err = NULL;
	struct value *value = json_parse(arena, text, strlen(text), &err);

	g_assert_nonnull(value);
	return value;
}

/* A machine as one that was made, saved. */
static struct machine *plant(struct fixture *f, const char *name)
{
	AUTO(error) struct error *err = NULL;
	struct machine *m = machine_new(f->arena, f->state, "shop", name);
	const struct value *settings = parse(
		f->arena, "{\"image\":\"k\",\"ports\":[\"80\"],\"keys\":[],\"memory\":268435456}");

	m->fleet_id = "id-1";
	m->address = arena_printf(f->arena, "machine.%s", name);
	m->incarnation = INCARNATION;
	m->run = "run-1";
	m->created = "2026-01-31T12:00:00Z";
	m->mac = "52:54:00:00:00:01";
	m->uuid = "u";
	m->uid = 0x50000001;
	m->ssh_port = 20022;
	m->base = (struct machine_base){"d", "raw", true, true, "quiet", true};
	m->record = parse(f->arena, "{\"format\":1,\"applied\":{\"memory\":268435456}}");
	g_assert_true(settings_parse(f->arena, settings, &m->settings, &err));
	m->settings.forwards[0].host = 20080;
	g_assert_true(dir_make(m->folder, &err));
	g_assert_true(machine_save(m, &err));
	return m;
}

static enum machine_found load(struct fixture *f, const char *name, struct machine **m)
{
	AUTO(gfree) char *address = g_strdup_printf("machine.%s", name);
	const char *text = NULL;
	enum machine_found found = machine_load(f->arena, &f->call, name, address, m, &text);

	g_assert_true((found == MACHINE_FOREIGN || found == MACHINE_UNKNOWN) == (text != NULL));
	return found;
}

static void test_round_trip(struct fixture *f, const void *data)
{
	struct machine *a = plant(f, "web-1"), *b = NULL;

	(void)data;
	g_assert_cmpint(load(f, "web-1", &b), ==, MACHINE_OURS);
	g_assert_cmpstr(b->incarnation, ==, a->incarnation);
	g_assert_cmpstr(b->address, ==, "machine.web-1");
	g_assert_cmpstr(b->mac, ==, a->mac);
	g_assert_cmpint(b->uid, ==, a->uid);
	g_assert_cmpint(b->ssh_port, ==, 20022);
	g_assert_cmpint(b->settings.forwards[0].host, ==, 20080);
	g_assert_cmpint(b->settings.memory, ==, 268435456);
	g_assert_true(b->base.kernel && b->base.initrd && b->base.login);
	g_assert_cmpstr(b->base.cmdline, ==, "quiet");
	g_assert_null(b->unmade);
	g_assert_null(b->up_boot);
	g_assert_false(b->aside);
	g_assert_true(value_equal(a->record, b->record));
}

static void test_whose(struct fixture *f, const void *data)
{
	struct machine *m = NULL;
	const char *text = NULL;

	(void)data;
	plant(f, "web-1");
	g_assert_cmpint(load(f, "web-2", &m), ==, MACHINE_ABSENT);
	g_assert_cmpint(machine_load(f->arena, &f->call, "web-1", "machine.other", &m, &text), ==,
		MACHINE_FOREIGN);
	g_assert_cmpint(
		machine_load(f->arena, &f->call, "web-1", NULL, &m, &text), ==, MACHINE_OURS);
	f->call.fleet_id = "id-2";
	g_assert_cmpint(load(f, "web-1", &m), ==, MACHINE_FOREIGN);
	g_assert_cmpint(load(f, "..", &m), ==, MACHINE_UNKNOWN);
	g_assert_cmpint(load(f, "a/b", &m), ==, MACHINE_UNKNOWN);
}

static void damage(struct fixture *f, const char *text, enum machine_found found)
{
	AUTO(error) struct error *err = NULL;
	struct machine *m = plant(f, "web-1");
	const char *path = machine_path(f->arena, m, "machine.json");

	g_assert_true(file_write(path, text, strlen(text), 0600, &err));
	g_assert_cmpint(load(f, "web-1", &m), ==, found);
}

/* Law 7: what cannot be understood is unknown, never absent. */
static void test_damaged(struct fixture *f, const void *data)
{
	(void)data;
	damage(f, "", MACHINE_UNKNOWN);
	damage(f, "{\"format\":1", MACHINE_UNKNOWN);
	damage(f, "[]", MACHINE_UNKNOWN);
	damage(f, "{\"format\":2}", MACHINE_UNKNOWN);
	damage(f, "{\"format\":1,\"mark\":{}}", MACHINE_UNKNOWN);
	damage(f,
		"{\"format\":1,\"mark\":{\"fleet_id\":\"id-1\",\"address\":\"machine.web-1\","
		"\"incarnation\":\"" INCARNATION "\"},\"base\":{},\"settings\":{\"image\":\"k\","
		"\"ports\":[\"80\"]},\"host_ports\":[],\"mac\":\"m\",\"uuid\":\"u\"}",
		MACHINE_UNKNOWN);
}

static void test_aside(struct fixture *f, const void *data)
{
	AUTO(error) struct error *err = NULL;
	struct machine *m = plant(f, "web-1"), *found = NULL;
	const char *folder = m->folder;
	GPtrArray *names;

	(void)data;
	g_assert_true(make_set_aside(f->arena, m, &err));
	g_assert_true(m->aside);
	g_assert_false(file_exists(folder));
	g_assert_cmpint(load(f, "web-1", &found), ==, MACHINE_OURS);
	g_assert_true(found->aside);
	g_assert_cmpstr(found->folder, ==, m->folder);
	plant(f, "web-1");
	plant(f, "a");
	g_assert_cmpint(load(f, "web-1", &found), ==, MACHINE_OURS);
	g_assert_false(found->aside);
	names = machine_names(f->state, "shop", &err);
	g_assert_cmpuint(names->len, ==, 2);
	g_assert_cmpstr(names->pdata[0], ==, "a");
	g_assert_cmpstr(names->pdata[1], ==, "web-1");
	g_ptr_array_free(names, TRUE);
	g_assert_true(make_sweep(&f->call, "web-1", NULL, &err));
	g_assert_false(file_exists(m->folder));
	g_assert_true(file_exists(folder));
}

/* A name that begins as another one does is not that one's. */
static void test_aside_names(struct fixture *f, const void *data)
{
	AUTO(error) struct error *err = NULL;
	struct machine *m = plant(f, "web-1"), *found = NULL;

	(void)data;
	g_assert_true(make_set_aside(f->arena, m, &err));
	g_assert_cmpint(load(f, "web", &found), ==, MACHINE_ABSENT);
	g_assert_true(make_sweep(&f->call, "web", NULL, &err));
	g_assert_true(file_exists(m->folder));
	g_assert_true(make_bring_back(f->arena, m, &err));
	g_assert_cmpint(load(f, "web-1", &found), ==, MACHINE_OURS);
	g_assert_false(found->aside);
}

/* Killed before its first effect, an attempt leaves a folder that says nothing. */
static void test_no_mark(struct fixture *f, const void *data)
{
	AUTO(error) struct error *err = NULL;
	struct machine *m = plant(f, "web-1"), *found = NULL;

	(void)data;
	g_assert_cmpint(unlink(machine_path(f->arena, m, "machine.json")), ==, 0);
	g_assert_cmpint(load(f, "web-1", &found), ==, MACHINE_ABSENT);
	g_assert_true(make_sweep(&f->call, "web-1", NULL, &err));
	g_assert_false(file_exists(m->folder));
}

enum { WRITES = 1, LETS_GO = 2 };

/* A process that holds alive.lock and wrote `run`, as QEMU does; or does less. */
static pid_t start(const char *folder, unsigned flags)
{
	int ready[2];
	char byte;
	pid_t pid;

	g_assert_cmpint(pipe2(ready, O_CLOEXEC), ==, 0);
	pid = fork();
	if (pid == 0) {
		int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
		int fd = openat(dir, "alive.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

		if (flock(fd, LOCK_EX | LOCK_NB) == 0 &&
			(!(flags & WRITES) || running_write(dir, "boot-1", "tcg (asked for)")) &&
			(!(flags & LETS_GO) || flock(fd, LOCK_UN) == 0) &&
			fd_write_all(ready[1], "x", 1))
			for (;;)
				pause();
		_exit(1);
	}
	close(ready[1]);
	g_assert_cmpint(read(ready[0], &byte, 1), ==, 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

static void test_running(struct fixture *f, const void *data)
{
	AUTO(error) struct error *err = NULL;
	AUTO(running) struct running running = {.pidfd = -1};
	pid_t pid;

	(void)data;
	g_assert_cmpint(running_find(f->arena, f->state, &running), ==, RUNNING_NOT);
	pid = start(f->state, WRITES);
	g_assert_cmpint(running_find(f->arena, f->state, &running), ==, RUNNING_YES);
	g_assert_cmpint(running.pid, ==, pid);
	g_assert_cmpstr(running.boot, ==, "boot-1");
	g_assert_cmpstr(running.accelerator, ==, "tcg (asked for)");
	g_assert_false(running_ended(&running, 10));
	g_assert_true(running_kill(&running, &err));
	g_assert_true(running_ended(&running, 0));
	end(pid);
	running_close(&running);
	g_assert_cmpint(running_find(f->arena, f->state, &running), ==, RUNNING_NOT);
}

/* A hostile QEMU cannot hide by letting go of its lock. */
static void test_lock_let_go(struct fixture *f, const void *data)
{
	AUTO(running) struct running running = {.pidfd = -1};
	pid_t pid = start(f->state, WRITES | LETS_GO);

	(void)data;
	g_assert_cmpint(running_find(f->arena, f->state, &running), ==, RUNNING_YES);
	g_assert_cmpint(running.pid, ==, pid);
	running_close(&running);
	kill(pid, SIGKILL);
	/* Not reaped yet. */
	g_assert_cmpint(running_find(f->arena, f->state, &running), ==, RUNNING_NOT);
	end(pid);
	g_assert_cmpint(running_find(f->arena, f->state, &running), ==, RUNNING_NOT);
}

/* "Alive" is the lock; a number in a file that belongs to another process by now is nobody. */
static void test_reused(struct fixture *f, const void *data)
{
	AUTO(error) struct error *err = NULL;
	AUTO(running) struct running running = {.pidfd = -1};
	AUTO(gfree) char *path = g_build_filename(f->state, "run", NULL);
	AUTO(gfree) char *text = NULL;
	struct value *run;
	size_t length;
	pid_t pid;

	(void)data;
	pid = start(f->state, WRITES);
	g_assert_true(file_read(path, 4096, &text, &length, &err));
	end(pid);
	g_assert_cmpint(running_find(f->arena, f->state, &running), ==, RUNNING_NOT);
	pid = start(f->state, 0);
	g_assert_cmpint(running_find(f->arena, f->state, &running), ==, RUNNING_UNCLEAR);
	run = parse(f->arena, text);
	value_set(f->arena, run, "pid", value_integer(f->arena, pid));
	value_set(f->arena, run, "starttime", value_integer(f->arena, 1));
	g_free(text);
	text = json_format(run);
	g_assert_true(file_write(path, text, strlen(text), 0600, &err));
	g_assert_cmpint(running_find(f->arena, f->state, &running), ==, RUNNING_UNCLEAR);
	end(pid);
}

#define ADD(path, function) \
	g_test_add("/kvm/" path, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("machine/round-trip", test_round_trip);
	ADD("machine/whose", test_whose);
	ADD("machine/damaged", test_damaged);
	ADD("machine/aside", test_aside);
	ADD("machine/aside-names", test_aside_names);
	ADD("machine/no-mark", test_no_mark);
	ADD("running/find", test_running);
	ADD("running/lock-let-go", test_lock_let_go);
	ADD("running/reused", test_reused);
	return g_test_run();
}
