/* base/: text for people, files that are whole or not there, locks, child processes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/id.h"
#include "base/lock.h"
#include "base/process.h"
#include "base/text.h"

/* A folder of the test's own; removed by leave(). */
static char *enter(void)
{
	char *folder = g_dir_make_tmp("test-base-XXXXXX", NULL);

	g_assert_nonnull(folder);
	return folder;
}

static void leave(char *folder)
{
	AUTO(error) struct error *err = NULL;

	g_assert_true(tree_remove(folder, &err));
	g_assert_false(file_exists(folder));
	g_free(folder);
}

/* A fork that does not outlive a test that fails. */
static pid_t fork_child(void)
{
	pid_t us = getpid(), pid = fork();

	if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != us))
		_exit(127);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static unsigned entries(const char *folder)
{
	AUTO(dir) DIR *dir = opendir(folder);
	unsigned count = 0;

	while (readdir(dir))
		count++;
	return count - 2;
}

static void test_arena(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	char *first = arena_strdup(arena, "first"), *large;

	for (size_t size = 0; size < 5000; size += 7) {
		char *p = arena_alloc(arena, size);

		g_assert_cmpuint((uintptr_t)p % 16, ==, 0);
		for (size_t i = 0; i < size; i++)
			g_assert_cmpint(p[i], ==, 0);
		memset(p, 0xff, size);
	}
	large = arena_alloc(arena, 3 << 20);
	memset(large, 1, 3 << 20);
	g_assert_cmpstr(first, ==, "first");
	g_assert_cmpstr(arena_printf(arena, "%s-%d", "web", 7), ==, "web-7");
	g_assert_cmpuint(arena_size(arena), >, 3 << 20);
}

static void test_error(void)
{
	AUTO(error) struct error *err = NULL;

	error_set(&err, ERROR_CONFLICT, "no %s", "luck");
	error_hint(&err, "try");
	error_hint(&err, "try again");
	g_assert_false(error_prefix(&err, "disk '%s'", "a"));
	error_place(&err, "fleet.yaml", 3, 4);
	g_assert_cmpstr(err->message, ==, "disk 'a': no luck");
	g_assert_cmpstr(err->hint, ==, "try again");
	g_assert_cmpstr(err->file, ==, "fleet.yaml");
	error_clear(&err);
	g_assert_null(err);
	errno = EACCES;
	error_set_errno(&err, "cannot open");
	g_assert_cmpint(err->class, ==, ERROR_DENIED);
	g_assert_cmpstr(err->message, ==, "cannot open: Permission denied");
	for (int class = ERROR_USAGE; class <= ERROR_INTERNAL; class ++)
		g_assert_cmpint(error_class_parse(error_class_name(class)), ==, class);
	g_assert_cmpint(error_class_parse("nonsense"), ==, ERROR_INTERNAL);
	g_assert_cmpint(error_class_parse(NULL), ==, ERROR_INTERNAL);
}

static void test_sizes(void)
{
	static const struct {
		const char *text;
		int64_t bytes; /* -1: refused */
	} cases[] = {{"0", 0}, {"1048576", 1048576}, {"512MiB", 536870912}, {"2GiB", 2147483648},
		{"10G", 10737418240}, {"1 KiB", 1024}, {"1KB", 1000}, {"3TB", 3000000000000},
		{"1B", 1}, {"8388607T", 9223370937343148032}, {"8388608T", -1},
		{"9223372036854775807", INT64_MAX}, {"9223372036854775808", -1}, {"", -1},
		{"-1", -1}, {"+1", -1}, {"GiB", -1}, {"1.5GiB", -1}, {"1gib", -1}, {"1 ", 1},
		{"1GiBx", -1}, {"0x10", -1}, {" 1", -1}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		int64_t bytes = -1;
		bool ok = size_parse(cases[i].text, &bytes);

		g_assert_cmpint(ok ? bytes : -1, ==, cases[i].bytes);
	}
}

static void test_size_format(void)
{
	static const struct {
		int64_t bytes;
		const char *text;
	} cases[] = {{0, "0"}, {1000, "1000"}, {1024, "1KiB"}, {1536, "1536"}, {1048576, "1MiB"},
		{536870912, "512MiB"}, {1073741824, "1GiB"}, {(int64_t)1 << 40, "1TiB"},
		{INT64_MAX, "9223372036854775807"}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(gfree) char *text = size_format(cases[i].bytes);
		int64_t back;

		g_assert_cmpstr(text, ==, cases[i].text);
		g_assert_true(size_parse(text, &back));
		g_assert_cmpint(back, ==, cases[i].bytes);
	}
}

static void test_durations(void)
{
	static const struct {
		const char *text;
		int64_t milliseconds; /* -1: refused */
	} cases[] = {{"90s", 90000}, {"1m30s", 90000}, {"500ms", 500}, {"2h", 7200000}, {"5", 5000},
		{"1d", 86400000}, {"0", 0}, {"1h1m1s1ms", 3661001}, {"", -1}, {"s", -1},
		{"-1s", -1}, {"1 s", -1}, {"1w", -1}, {"1.5s", -1}, {"9223372036854775807", -1},
		{"9223372036854775807ms", INT64_MAX}, {"9223372036854775807ms1ms", -1}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		int64_t milliseconds = -1;
		bool ok = duration_parse(cases[i].text, &milliseconds);

		g_assert_cmpint(ok ? milliseconds : -1, ==, cases[i].milliseconds);
	}
}

static void test_duration_format(void)
{
	static const struct {
		int64_t milliseconds;
		const char *exact, *rough;
	} cases[] = {{0, "0s", "0ms"}, {450, "450ms", "450ms"}, {1200, "1s200ms", "1.2s"},
		{65000, "1m5s", "1m05s"}, {7380000, "2h3m", "2h03m"}, {90000, "1m30s", "1m30s"}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(gfree) char *exact = duration_exact(cases[i].milliseconds);
		AUTO(gfree) char *rough = duration_format(cases[i].milliseconds);
		int64_t back;

		g_assert_cmpstr(exact, ==, cases[i].exact);
		g_assert_cmpstr(rough, ==, cases[i].rough);
		g_assert_true(duration_parse(exact, &back));
		g_assert_cmpint(back, ==, cases[i].milliseconds);
	}
}

static void test_suggest(void)
{
	static const char *const keys[] = {"memory", "cpus", "disk", "image", NULL};
	AUTO(gfree) char *long_word = g_strnfill(1000, 'm');

	g_assert_cmpstr(text_suggest("memroy", keys), ==, "memory");
	g_assert_cmpstr(text_suggest("cpu", keys), ==, "cpus");
	g_assert_cmpstr(text_suggest("CPUS", keys), ==, "cpus");
	g_assert_cmpstr(text_suggest("imgae", keys), ==, "image");
	g_assert_null(text_suggest("network", keys));
	g_assert_null(text_suggest("", keys));
	g_assert_null(text_suggest(long_word, keys));
	g_assert_null(text_suggest("x", keys + 4));
}

static void test_escape(void)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *text;
	} cases[] = {{"plain", 5, "plain"}, {"a\nb\tc", 5, "a\\nb\\tc"},
		{"\033[31m", 5, "\\x1b[31m"}, {"a\0b", 3, "a\\x00b"}, {"\xff\xfe", 2, "\\xff\\xfe"},
		{"é日", 5, "é日"}, {"\xc2\x9b", 2, "\\xc2\\x9b"},
		{"\xe2\x80\xae", 3, "\\xe2\\x80\\xae"}, {"\xe2\x80", 2, "\\xe2\\x80"},
		{"\x7f", 1, "\\x7f"}, {"", 0, ""}, {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"}};

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		AUTO(gfree) char *text = text_escape(cases[i].bytes, cases[i].length);

		g_assert_cmpstr(text, ==, cases[i].text);
		g_assert_true(g_utf8_validate(text, -1, NULL));
	}
}

static void test_names(void)
{
	AUTO(gfree) char *longest = g_strnfill(63, 'a'), *longer = g_strnfill(64, 'a');

	g_assert_true(name_valid("web-1"));
	g_assert_true(name_valid("1"));
	g_assert_true(name_valid(longest));
	g_assert_false(name_valid(longer));
	g_assert_false(name_valid(""));
	g_assert_false(name_valid("-a"));
	g_assert_false(name_valid("a-"));
	g_assert_false(name_valid("Web"));
	g_assert_false(name_valid("a.b"));
	g_assert_false(name_valid("../x"));
	g_assert_false(name_valid("a\n"));
}

static void test_ids(void)
{
	AUTO(gfree) char *one = id_random(), *two = id_random(), *digest = id_digest("abc", 3);
	AUTO(gfree) char *boot = id_boot(), *again = id_boot();

	g_assert_cmpuint(strlen(one), ==, 32);
	g_assert_cmpuint(strspn(one, "0123456789abcdef"), ==, 32);
	g_assert_cmpstr(one, !=, two);
	g_assert_cmpstr(
		digest, ==, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	g_assert_cmpstr(boot, ==, again);
	g_assert_null(strchr(boot, '\n'));
}

static void test_file_write(void)
{
	char *folder = enter();
	AUTO(gfree) char *path = g_build_filename(folder, "file", NULL), *text = NULL;
	AUTO(gfree) char *nowhere = g_build_filename(folder, "none", "file", NULL);
	AUTO(error) struct error *err = NULL;
	mode_t old = umask(0777);
	struct stat before, after;
	size_t length;

	g_assert_true(file_write(path, "one\0two", 7, 0640, &err));
	g_assert_cmpint(stat(path, &before), ==, 0);
	g_assert_cmpuint(before.st_mode & 07777, ==, 0640);
	g_assert_true(file_write(path, "three", 5, 0600, &err));
	umask(old);
	g_assert_cmpint(stat(path, &after), ==, 0);
	g_assert_cmpuint(after.st_mode & 07777, ==, 0600);
	g_assert_cmpuint(before.st_ino, !=, after.st_ino);
	g_assert_true(file_read(path, 5, &text, &length, &err));
	g_assert_cmpmem(text, length, "three", 5);
	g_assert_cmpuint(entries(folder), ==, 1);
	g_assert_false(file_write(nowhere, "x", 1, 0600, &err));
	error_clear(&err);
	/* Over a folder it cannot be renamed: nothing is left of the try. */
	g_assert_false(file_write(folder, "x", 1, 0600, &err));
	g_assert_cmpuint(entries(folder), ==, 1);
	leave(folder);
}

/* However it is killed: the old content or the new, whole, and no other name beside it. */
static void test_file_write_killed(void)
{
	enum { SIZE = 1 << 20 };
	char *folder = enter();
	AUTO(gfree) char *path = g_build_filename(folder, "file", NULL);
	AUTO(gfree) char *old = g_strnfill(SIZE, 'a'), *new = g_strnfill(SIZE, 'b');
	AUTO(error) struct error *err = NULL;

	g_assert_true(file_write(path, old, SIZE, 0600, &err));
	for (int i = 0; i < 12; i++) {
		AUTO(gfree) char *text = NULL;
		size_t length;
		pid_t pid = fork_child();

		if (pid == 0) {
			for (int turn = 0;; turn++)
				if (!file_write(path, turn % 2 ? old : new, SIZE, 0600, &err))
					_exit(1);
		}
		g_usleep(1000 * i);
		end_child(pid);
		g_assert_true(file_read(path, SIZE, &text, &length, &err));
		g_assert_true(!strcmp(text, old) || !strcmp(text, new));
		g_assert_cmpuint(length, ==, SIZE);
	}
	leave(folder);
}

static void test_file_read(void)
{
	char *folder = enter();
	AUTO(gfree) char *path = g_build_filename(folder, "file", NULL), *text = NULL;
	AUTO(gfree) char *fifo = g_build_filename(folder, "fifo", NULL);
	AUTO(error) struct error *err = NULL;
	size_t length;

	g_assert_false(file_read(path, 100, &text, &length, &err));
	g_assert_cmpint(err->class, ==, ERROR_MISSING);
	error_clear(&err);
	g_assert_true(file_write(path, "12345", 5, 0600, &err));
	g_assert_false(file_read(path, 4, &text, &length, &err));
	error_clear(&err);
	g_assert_false(file_read(folder, 100, &text, &length, &err));
	error_clear(&err);
	g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
	g_assert_false(file_read(fifo, 100, &text, &length, &err));
	g_assert_cmpint(err->class, ==, ERROR_FAILED);
	leave(folder);
}

static void test_folders(void)
{
	char *folder = enter();
	AUTO(gfree) char *deep = g_build_filename(folder, "a", "b", "c", NULL);
	AUTO(gfree) char *file = g_build_filename(folder, "file", NULL);
	AUTO(gfree) char *under = g_build_filename(file, "x", NULL);
	AUTO(error) struct error *err = NULL;
	mode_t old = umask(0777);
	struct stat st;

	g_assert_true(dir_make(deep, &err));
	umask(old);
	g_assert_cmpint(stat(deep, &st), ==, 0);
	g_assert_cmpuint(st.st_mode & 07777, ==, 0700);
	g_assert_cmpint(chmod(deep, 0750), ==, 0);
	g_assert_true(dir_make(deep, &err));
	g_assert_cmpint(stat(deep, &st), ==, 0);
	g_assert_cmpuint(st.st_mode & 07777, ==, 0750);
	g_assert_true(dir_sync(deep, &err));
	g_assert_true(file_write(file, "", 0, 0600, &err));
	g_assert_false(dir_make(file, &err));
	error_clear(&err);
	g_assert_false(dir_make(under, &err));
	leave(folder);
}

static void test_tree_remove(void)
{
	char *folder = enter(), *other = enter();
	AUTO(gfree) char *tree = g_build_filename(folder, "tree", NULL);
	AUTO(gfree) char *deep = g_build_filename(tree, "a", "b", NULL);
	AUTO(gfree) char *link = g_build_filename(deep, "link", NULL);
	AUTO(gfree) char *kept = g_build_filename(other, "kept", NULL);
	AUTO(error) struct error *err = NULL;

	g_assert_true(dir_make(deep, &err));
	g_assert_true(file_write(kept, "x", 1, 0600, &err));
	g_assert_cmpint(symlink(other, link), ==, 0);
	g_assert_true(tree_remove(tree, &err));
	g_assert_false(file_exists(tree));
	g_assert_true(file_exists(kept));
	g_assert_true(tree_remove(tree, &err));
	leave(folder);
	leave(other);
}

/* In a namespace of its own: 1 when what is mounted was entered, 2 when nothing can be mounted. */
static int remove_mounted(const char *tree, const char *point, const char *other, const char *kept)
{
	struct error *err = NULL;

	if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) < 0 ||
		mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount(other, point, NULL, MS_BIND, NULL) < 0)
		return 2;
	return tree_remove(tree, &err) || !file_exists(kept);
}

/* The same file system mounted once more is somebody's data all the same. */
static void test_tree_remove_mounted(void)
{
	char *folder = enter(), *other = enter();
	AUTO(gfree) char *tree = g_build_filename(folder, "tree", NULL);
	AUTO(gfree) char *point = g_build_filename(tree, "a", "point", NULL);
	AUTO(gfree) char *kept = g_build_filename(other, "kept", NULL);
	AUTO(error) struct error *err = NULL;
	int status;
	pid_t pid;

	g_assert_true(dir_make(point, &err));
	g_assert_true(file_write(kept, "x", 1, 0600, &err));
	pid = fork_child();
	if (pid == 0)
		_exit(remove_mounted(tree, point, other, kept));
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	if (WEXITSTATUS(status) == 2)
		g_test_skip("nothing can be mounted here");
	else
		g_assert_cmpint(status, ==, 0);
	leave(folder);
	leave(other);
}

static void test_lock(void)
{
	char *folder = enter();
	AUTO(gfree) char *path = g_build_filename(folder, "lock", NULL);
	AUTO(error) struct error *err = NULL;
	int fd = -1, second = -1, copy;
	struct stat st;

	g_assert_false(lock_held(path));
	g_assert_false(file_exists(path));
	g_assert_true(lock_take(path, "apply, process 7\033", &fd, &err));
	g_assert_cmpint(fstat(fd, &st), ==, 0);
	g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
	g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
	g_assert_true(lock_held(path));
	g_assert_false(lock_take(path, "another", &second, &err));
	g_assert_cmpint(err->class, ==, ERROR_CONFLICT);
	g_assert_cmpstr(err->message, ==, "locked by apply, process 7\\x1b");
	error_clear(&err);
	copy = dup(fd);
	close(fd);
	g_assert_true(lock_held(path));
	close(copy);
	g_assert_false(lock_held(path));
	g_assert_true(lock_take(path, "b", &second, &err));
	close(second);
	leave(folder);
}

/* The last holder removes the file while another has it open already. */
static bool limit(int what, rlim_t most)
{
	const struct rlimit limit = {most, most};

	return setrlimit(what, &limit) == 0;
}

/* In a child: 0 when a lock that cannot be written is taken, and one that cannot be opened counts
 * as held. */
static int lock_without_means(const char *path)
{
	AUTO(error) struct error *err = NULL;
	int fd = -1;

	signal(SIGXFSZ, SIG_IGN);
	if (!limit(RLIMIT_FSIZE, 0) || !lock_take(path, "no space for this", &fd, &err))
		return 1;
	close(fd);
	return limit(RLIMIT_NOFILE, 0) && lock_held(path) ? 0 : 2;
}

/* A full disk or full tables must neither keep a lock from being taken nor look like a free one. */
static void test_lock_full(void)
{
	char *folder = enter();
	AUTO(gfree) char *path = g_build_filename(folder, "lock", NULL);
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(lock_without_means(path));
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(status, ==, 0);
	g_assert_false(lock_held(path));
	leave(folder);
}

static void test_lock_removed(void)
{
	char *folder = enter();
	AUTO(gfree) char *path = g_build_filename(folder, "lock", NULL);
	AUTO(error) struct error *err = NULL;
	int rounds = 0;
	pid_t pid = fork_child();

	if (pid == 0) {
		for (;;) {
			int fd = -1;

			if (!lock_take(path, "remover", &fd, &err)) {
				error_clear(&err);
				continue;
			}
			unlink(path);
			close(fd);
		}
	}
	for (int64_t end = clock_now() + 500; clock_now() < end; rounds++) {
		struct stat mine, named;
		int fd = -1;

		if (!lock_take(path, "tester", &fd, &err)) {
			g_assert_cmpint(err->class, ==, ERROR_CONFLICT);
			error_clear(&err);
			continue;
		}
		g_assert_cmpint(fstat(fd, &mine), ==, 0);
		g_assert_cmpint(stat(path, &named), ==, 0);
		g_assert_cmpuint(mine.st_ino, ==, named.st_ino);
		close(fd);
	}
	end_child(pid);
	g_assert_cmpint(rounds, >, 10);
	leave(folder);
}

/* Asking is no holding: neither for those who take it nor for those who ask. */
static void test_lock_probed(void)
{
	char *folder = enter();
	AUTO(gfree) char *path = g_build_filename(folder, "lock", NULL);
	AUTO(error) struct error *err = NULL;
	int fd = -1;
	pid_t pid;

	g_assert_true(lock_take(path, "first", &fd, &err));
	close(fd);
	pid = fork_child();
	if (pid == 0)
		for (;;)
			(void)lock_held(path);
	for (int64_t end = clock_now() + 300; clock_now() < end;)
		g_assert_false(lock_held(path));
	for (int i = 0; i < 200; i++) {
		g_assert_true(lock_take(path, "taker", &fd, &err));
		close(fd);
	}
	end_child(pid);
	leave(folder);
}

static const struct process_options nothing = {-1, -1, -1, NULL, NULL, NULL, false, false};

static void test_spawn(void)
{
	static const char *const missing[] = {"no-such-program-here", NULL};
	static const char *const fails[] = {"sh", "-c", "exit 3", NULL};
	static const char *const sleeps[] = {"sleep", "100", NULL};
	AUTO(error) struct error *err = NULL;
	struct process process = {0, -1};
	AUTO(gfree) char *text = NULL, *killed = NULL;
	int status;

	g_assert_false(process_spawn(missing, &nothing, &process, &err));
	g_assert_cmpint(err->class, ==, ERROR_MISSING);
	error_clear(&err);
	g_assert_true(process_spawn(fails, &nothing, &process, &err));
	g_assert_true(process_wait(&process, 10000, &status, &err));
	text = process_status_text(status);
	g_assert_cmpstr(text, ==, "exit code 3");
	process_close(&process);
	g_assert_true(process_spawn(sleeps, &nothing, &process, &err));
	g_assert_false(process_wait(&process, 20, &status, &err));
	g_assert_cmpint(err->class, ==, ERROR_TIMEOUT);
	g_assert_cmpint(getpgid(process.pid), ==, process.pid);
	process_signal(&process, SIGKILL);
	error_clear(&err);
	g_assert_true(process_wait(&process, 10000, &status, &err));
	killed = process_status_text(status);
	g_assert_cmpstr(killed, ==, "killed by signal 9 (Killed)");
	process_close(&process);
}

/* Nothing but what is given gets through, in the order given, whatever numbers it had before. */
static void test_spawn_descriptors(void)
{
	static const char *const argv[] = {
		"sh", "-c", "cat <&3; echo -; cat <&4; echo -; ls /proc/self/fd | wc -l", NULL};
	char *folder = enter();
	AUTO(gfree) char *path = g_build_filename(folder, "file", NULL), *output = NULL;
	AUTO(error) struct error *err = NULL;
	struct process_options options = nothing;
	int keep[3] = {-1, -1, -1}, stray;

	g_assert_true(file_write(path, "three", 5, 0600, &err));
	keep[1] = open(path, O_RDONLY | O_CLOEXEC);
	g_assert_true(file_write(path, "four", 4, 0600, &err));
	keep[0] = open(path, O_RDONLY | O_CLOEXEC);
	stray = open(path, O_RDONLY);
	options.keep = keep;
	g_assert_true(process_run(argv, &options, 10000, NULL, NULL, &output, &err));
	/* 0 to 4 and the one of ls itself. */
	g_assert_cmpstr(output, ==, "four-\nthree-\n6\n");
	close(stray);
	close(keep[0]);
	close(keep[1]);
	leave(folder);
}

static void test_spawn_options(void)
{
	static const char *const argv[] = {
		"sh", "-c", "pwd; echo $COLOUR; cut -d ' ' -f 6 /proc/$$/stat; echo $$", NULL};
	static const char *const environment[] = {"COLOUR=green", NULL};
	AUTO(error) struct error *err = NULL;
	struct process_options options = nothing;
	g_auto(GStrv) lines = NULL;
	AUTO(gfree) char *output = NULL;

	options.folder = "/";
	options.environment = environment;
	options.session = true;
	g_assert_true(process_run(argv, &options, 10000, NULL, NULL, &output, &err));
	lines = g_strsplit(output, "\n", -1);
	g_assert_cmpstr(lines[0], ==, "/");
	g_assert_cmpstr(lines[1], ==, "green");
	g_assert_cmpstr(lines[2], ==, lines[3]);
}

static void add_line(void *data, const char *line, size_t length)
{
	g_string_append_len(data, line, length);
	g_string_append_c(data, '|');
}

static void test_run(void)
{
	static const char *const talks[] = {
		"sh", "-c", "printf 'a\\r\\nb\\rc\\n\\nd' ; echo e >&2", NULL};
	static const char *const fails[] = {"sh", "-c", "echo why; exit 1", NULL};
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *output = NULL;
	GString *lines = g_string_new(NULL);

	g_assert_true(process_run(talks, &nothing, 10000, add_line, lines, &output, &err));
	g_assert_cmpstr(output, ==, "a\r\nb\rc\n\nde\n");
	g_assert_cmpstr(lines->str, ==, "a|b|c||de|");
	g_string_free(lines, TRUE);
	g_assert_false(process_run(fails, &nothing, 10000, NULL, NULL, NULL, &err));
	g_assert_cmpint(err->class, ==, ERROR_FAILED);
	g_assert_cmpstr(err->message, ==, "'sh' failed: exit code 1");
	g_assert_cmpstr(err->hint, ==, "its last lines:\nwhy");
}

/* The limit holds for one that says nothing, one that never stops talking, and one that has closed
 * its output. */
static void test_run_limit(void)
{
	static const char *const scripts[] = {
		"sleep 100", "while :; do echo x; done", "exec >&- 2>&-; sleep 100"};

	for (size_t i = 0; i < G_N_ELEMENTS(scripts); i++) {
		const char *argv[] = {"sh", "-c", scripts[i], NULL};
		AUTO(error) struct error *err = NULL;
		int64_t start = clock_now();

		g_assert_false(process_run(argv, &nothing, 100, NULL, NULL, NULL, &err));
		g_assert_cmpint(err->class, ==, ERROR_TIMEOUT);
		g_assert_cmpint(clock_now() - start, >=, 100);
		g_assert_cmpint(clock_now() - start, <, 5000);
	}
}

/* What it started is not waited for, even while that writes into the same pipe. */
static void test_run_grandchild(void)
{
	static const char *const argv[] = {"sh", "-c",
		"setsid sh -c 'trap \"exit 0\" PIPE; while echo y; do :; done' 2>/dev/null & "
		"echo done",
		NULL};
	AUTO(error) struct error *err = NULL;
	int64_t start = clock_now();

	g_assert_true(process_run(argv, &nothing, 20000, NULL, NULL, NULL, &err));
	g_assert_cmpint(clock_now() - start, <, 10000);
}

static void test_run_much(void)
{
	static const char *const argv[] = {"sh", "-c", "yes | head -c 3000000", NULL};
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *output = NULL;

	g_assert_true(process_run(argv, &nothing, 20000, NULL, NULL, &output, &err));
	g_assert_cmpuint(strlen(output), ==, 1 << 20);
}

/* The child goes when we go, not when it likes. */
static void test_dies_with_us(void)
{
	static const char *const argv[] = {"sleep", "100", NULL};
	struct process_options options = nothing;
	int pipe_fds[2];
	pid_t pid;

	options.dies_with_us = true;
	g_assert_cmpint(pipe(pipe_fds), ==, 0);
	pid = fork();
	if (pid == 0) {
		AUTO(error) struct error *err = NULL;
		struct process process;

		options.stdout_fd = pipe_fds[1];
		_exit(!process_spawn(argv, &options, &process, &err));
	}
	close(pipe_fds[1]);
	waitpid(pid, NULL, 0);
	/* The end of the pipe comes when the child is gone. */
	g_assert_cmpint(
		poll(&(struct pollfd){.fd = pipe_fds[0], .events = POLLIN}, 1, 10000), ==, 1);
	close(pipe_fds[0]);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/base/arena", test_arena);
	g_test_add_func("/base/error", test_error);
	g_test_add_func("/base/size/parse", test_sizes);
	g_test_add_func("/base/size/format", test_size_format);
	g_test_add_func("/base/duration/parse", test_durations);
	g_test_add_func("/base/duration/format", test_duration_format);
	g_test_add_func("/base/suggest", test_suggest);
	g_test_add_func("/base/escape", test_escape);
	g_test_add_func("/base/names", test_names);
	g_test_add_func("/base/ids", test_ids);
	g_test_add_func("/base/file/write", test_file_write);
	g_test_add_func("/base/file/write-killed", test_file_write_killed);
	g_test_add_func("/base/file/read", test_file_read);
	g_test_add_func("/base/folders", test_folders);
	g_test_add_func("/base/tree-remove", test_tree_remove);
	g_test_add_func("/base/tree-remove-mounted", test_tree_remove_mounted);
	g_test_add_func("/base/lock", test_lock);
	g_test_add_func("/base/lock/full", test_lock_full);
	g_test_add_func("/base/lock/removed", test_lock_removed);
	g_test_add_func("/base/lock/probed", test_lock_probed);
	g_test_add_func("/base/process/spawn", test_spawn);
	g_test_add_func("/base/process/descriptors", test_spawn_descriptors);
	g_test_add_func("/base/process/options", test_spawn_options);
	g_test_add_func("/base/process/run", test_run);
	g_test_add_func("/base/process/limit", test_run_limit);
	g_test_add_func("/base/process/grandchild", test_run_grandchild);
	g_test_add_func("/base/process/much", test_run_much);
	g_test_add_func("/base/process/dies-with-us", test_dies_with_us);
	return g_test_run();
}
