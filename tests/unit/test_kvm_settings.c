/* kvm: what a fleet file may say, forwarded ports, and the credentials that go into a machine. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "document/json.h"
#include "kvm/credentials.h"
#include "kvm/settings.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGF092gHUZBnStPJY1WDuIudUZh6zqU1XWJ6eqdZKm8N"

static struct value *parse(struct arena *arena, const char *text)
{
	AUTO(error) struct error *err = NULL;
	struct value *value = json_parse(arena, text, strlen(text), &err);

	g_assert_nonnull(value);
	return value;
}

static bool accepts(const char *text, const char *message)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	struct settings settings;
	bool ok = settings_parse(arena, parse(arena, text), &settings, &err);

	g_assert_true(ok == !err);
	if (err)
		g_assert_nonnull(strstr(err->message, message));
	return ok;
}

static void test_defaults(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	struct settings s;

	g_assert_true(settings_parse(arena, parse(arena, "{\"image\":\"sha256-1\"}"), &s, &err));
	g_assert_cmpstr(s.image, ==, "sha256-1");
	g_assert_cmpint(s.cpus, ==, 1);
	g_assert_cmpint(s.memory, ==, 512 << 20);
	g_assert_cmpint(s.disk, ==, 0);
	g_assert_true(s.running);
	g_assert_cmpstr(s.user, ==, "root");
	g_assert_cmpstr(s.accelerator, ==, "auto");
	g_assert_cmpuint(s.forward_count, ==, 0);
}

static void test_round_trip(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	struct value *map =
		parse(arena, "{\"image\":\"k\",\"cpus\":3,\"memory\":268435456,\"disk\":1073741824,"
			     "\"state\":\"stopped\",\"user\":\"admin\",\"keys\":[\"" KEY "\"],"
			     "\"ports\":[\"8080:80/tcp\",\"53/udp\"],\"accelerator\":\"tcg\"}");
	struct settings s;

	g_assert_true(settings_parse(arena, map, &s, &err));
	g_assert_true(value_equal(map, settings_format(arena, &s)));
}

static void test_refusals(void)
{
	g_assert_true(accepts("{\"image\":\"k\"}", ""));
	g_assert_false(accepts("{}", "image"));
	g_assert_false(accepts("{\"image\":\"../k\"}", "image"));
	g_assert_false(accepts("{\"image\":\".\"}", "image"));
	g_assert_false(accepts("{\"image\":\"k\",\"cpus\":0}", "cpus"));
	g_assert_false(accepts("{\"image\":\"k\",\"cpus\":256}", "cpus"));
	g_assert_false(accepts("{\"image\":\"k\",\"memory\":16777217}", "memory"));
	g_assert_false(accepts("{\"image\":\"k\",\"memory\":1048576}", "memory"));
	g_assert_false(accepts("{\"image\":\"k\",\"disk\":513}", "disk"));
	g_assert_false(accepts("{\"image\":\"k\",\"user\":\"\"}", "user"));
	g_assert_false(accepts("{\"image\":\"k\",\"user\":\"a b\"}", "user"));
	g_assert_false(accepts("{\"image\":\"k\",\"user\":\"root\\nu evil 0\"}", "user"));
	g_assert_false(accepts("{\"image\":\"k\",\"accelerator\":\"hvf\"}", "accelerator"));
}

/* Law: data never becomes program text. A key is a line of a file. */
static void check_said(const char *json, const char *message)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	bool fine = settings_check_said(arena, parse(arena, json), &err);

	g_assert_cmpint(fine, ==, message == NULL);
	if (err)
		g_assert_cmpstr(err->message, ==, message);
}

/* Before all is known: what is there has to be right, the rest may be. */
static void test_said(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;

	g_assert_true(settings_check_said(arena, NULL, &err));
	check_said("{}", NULL);
	check_said(
		"{\"image\":{\"$unknown\":\"image.base\"},\"ports\":{\"$unknown\":\"x\"}}", NULL);
	check_said("{\"ports\":[\"22:22\",\"22:23\"]}", "ports: host port 22 is there twice");
	check_said("{\"image\":{\"$unknown\":\"x\"},\"user\":\"Bad User\"}",
		"user: no valid name of a user");
	check_said("{\"keys\":[\"/root/key.pub\"]}", "keys: entry 1 is no SSH public key");
}

static void test_keys(void)
{
	g_assert_true(accepts("{\"image\":\"k\",\"keys\":[\"" KEY "\"]}", ""));
	g_assert_true(accepts("{\"image\":\"k\",\"keys\":[\"" KEY " me@home\"]}", ""));
	g_assert_false(accepts("{\"image\":\"k\",\"keys\":[\"" KEY "\\nssh-rsa x\"]}", "entry 1"));
	g_assert_false(
		accepts("{\"image\":\"k\",\"keys\":[\"command=\\\"x\\\" " KEY "\"]}", "keys"));
	g_assert_false(accepts("{\"image\":\"k\",\"keys\":[\"" KEY "\",\"\"]}", "entry 2"));
	g_assert_false(accepts("{\"image\":\"k\",\"keys\":[7]}", "entry 1"));
	g_assert_false(accepts("{\"image\":\"k\",\"keys\":[\"" KEY "\\u0000x\"]}", "entry 1"));
}

static void check_forward(const char *text, int host, int guest, bool udp)
{
	AUTO(error) struct error *err = NULL;
	struct forward f;

	g_assert_true(forward_parse(text, &f, &err));
	g_assert_cmpint(f.host, ==, host);
	g_assert_cmpint(f.guest, ==, guest);
	g_assert_true(f.udp == udp);
}

static void test_forwards(void)
{
	static const char *const wrong[] = {"", ":", "80:", ":80", "0", "65536", "1:65536", "80/",
		"80/sctp", "80:80:80", "-1:80", " 80", "80 ", "8O", "80/tcp,hostfwd=", NULL};

	check_forward("80", 0, 80, false);
	check_forward("0:80", 0, 80, false);
	check_forward("8080:80", 8080, 80, false);
	check_forward("8080:80/tcp", 8080, 80, false);
	check_forward("53:5353/udp", 53, 5353, true);
	check_forward("65535:65535", 65535, 65535, false);
	for (int i = 0; wrong[i]; i++) {
		AUTO(error) struct error *err = NULL;
		struct forward f;

		g_assert_false(forward_parse(wrong[i], &f, &err));
		g_assert_cmpint(err->class, ==, ERROR_CONFIG);
		g_assert_nonnull(err->hint);
	}
	g_assert_false(accepts("{\"image\":\"k\",\"ports\":[\"80:1\",\"80:2\"]}", "twice"));
	g_assert_true(accepts("{\"image\":\"k\",\"ports\":[\"80:1\",\"80:2/udp\"]}", ""));
	g_assert_true(accepts("{\"image\":\"k\",\"ports\":[\"1\",\"2\"]}", ""));
}

static void test_rule(void)
{
	const struct forward tcp = {8080, 80, false}, udp = {53, 53, true};
	AUTO(gfree) char *a = forward_rule(&tcp);
	AUTO(gfree) char *b = forward_rule(&udp);
	AUTO(gfree) char *c = forward_format(&tcp);

	g_assert_cmpstr(a, ==, "tcp:127.0.0.1:8080-:80");
	g_assert_cmpstr(b, ==, "udp:127.0.0.1:53-:53");
	g_assert_cmpstr(c, ==, "8080:80/tcp");
}

static int take(const char *state, const char *owner, const char *seed)
{
	AUTO(error) struct error *err = NULL;
	int port = 0;

	g_assert_true(forward_claim(state, owner, seed, false, &port, &err));
	return port;
}

static bool claimed(const char *state, int port)
{
	AUTO(gfree) char *path = g_strdup_printf("%s/ports/%d", state, port);

	return file_exists(path);
}

static void make_owner(const char *state, const char *owner)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *folder = g_build_filename(state, owner, NULL);
	AUTO(gfree) char *mark = g_build_filename(folder, "machine.json", NULL);

	g_assert_true(dir_make(folder, &err));
	g_assert_true(file_write(mark, "{}", 2, 0600, &err));
}

static void test_claims(void)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *state = g_dir_make_tmp("test-kvm-XXXXXX", NULL);
	int first, second, keep[1];

	make_owner(state, "fleets/f/machines/a");
	make_owner(state, "fleets/f/machines/b");
	first = take(state, "fleets/f/machines/a", "seed");
	second = take(state, "fleets/f/machines/b", "seed");
	g_assert_cmpint(first, !=, second);
	g_assert_true(first >= 20000 && first < 32000);
	keep[0] = take(state, "fleets/f/machines/a", "other");
	forward_release(state, "fleets/f/machines/a", keep, 1);
	g_assert_false(claimed(state, first));
	g_assert_true(claimed(state, second));
	g_assert_true(claimed(state, keep[0]));
	g_assert_cmpint(take(state, "fleets/f/machines/b", "seed"), ==, first);
	forward_release(state, "fleets/f/machines/a", NULL, 0);
	g_assert_false(claimed(state, keep[0]));
	g_assert_true(tree_remove(state, &err));
}

/* A claim whose owner never came to be is taken over, but not while it may still come. */
static void test_claim_stale(void)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *state = g_dir_make_tmp("test-kvm-XXXXXX", NULL);
	int port = take(state, "fleets/f/machines/gone", "seed");
	AUTO(gfree) char *path = g_strdup_printf("%s/ports/%d", state, port);
	struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	g_assert_cmpint(take(state, "fleets/f/machines/new", "seed"), !=, port);
	g_assert_cmpint(utimensat(AT_FDCWD, path, old, AT_SYMLINK_NOFOLLOW), ==, 0);
	g_assert_cmpint(take(state, "fleets/f/machines/new", "seed"), ==, port);
	g_assert_true(tree_remove(state, &err));
}

/* One that was set aside comes back, or hands its ports on. */
static void test_claim_aside(void)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *state = g_dir_make_tmp("test-kvm-XXXXXX", NULL);
	int port = take(state, "fleets/f/machines/a", "seed");
	AUTO(gfree) char *path = g_strdup_printf("%s/ports/%d", state, port);
	AUTO(gfree)
	char *aside = g_strdup_printf(
		"%s/fleets/f/machines/.aside-a-0123456789abcdef0123456789abcdef", state);
	struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	g_assert_true(dir_make(aside, &err));
	g_assert_cmpint(utimensat(AT_FDCWD, path, old, AT_SYMLINK_NOFOLLOW), ==, 0);
	g_assert_cmpint(take(state, "fleets/f/machines/b", "seed"), !=, port);
	g_assert_true(tree_remove(aside, &err));
	g_assert_cmpint(take(state, "fleets/f/machines/c", "seed"), ==, port);
	g_assert_true(tree_remove(state, &err));
}

/* In a child: 0 when what was claimed at the word is still its own a little later. */
static int claim_at(int start, const char *state, const char *owner)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *path = NULL;
	AUTO(gfree) char *holder = NULL;
	int port;
	char byte;

	if (read(start, &byte, 1) < 0 || !forward_claim(state, owner, "seed", false, &port, &err))
		return 1;
	poll(NULL, 0, 10);
	path = g_strdup_printf("%s/ports/%d", state, port);
	holder = g_file_read_link(path, NULL);
	return g_strcmp0(holder, owner) ? 2 : 0;
}

static void race(void)
{
	enum { MANY = 8 };
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *state = g_dir_make_tmp("test-kvm-XXXXXX", NULL);
	struct timespec old[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	int start[2], status, ports[MANY];
	pid_t pids[MANY];

	for (int i = 0; i < MANY; i++)
		ports[i] = take(state, "fleets/f/machines/gone", "seed");
	for (int i = 0; i < MANY; i++) {
		AUTO(gfree) char *path = g_strdup_printf("%s/ports/%d", state, ports[i]);

		g_assert_cmpint(utimensat(AT_FDCWD, path, old, AT_SYMLINK_NOFOLLOW), ==, 0);
	}
	g_assert_cmpint(pipe2(start, O_CLOEXEC), ==, 0);
	for (int i = 0; i < MANY; i++) {
		AUTO(gfree) char *owner = g_strdup_printf("fleets/f/machines/new-%d", i);

		make_owner(state, owner);
		pids[i] = fork();
		if (pids[i] == 0) {
			close(start[1]);
			_exit(claim_at(start[0], state, owner));
		}
	}
	close(start[0]);
	close(start[1]);
	for (int i = 0; i < MANY; i++) {
		g_assert_cmpint(waitpid(pids[i], &status, 0), ==, pids[i]);
		g_assert_cmpint(status, ==, 0);
	}
	g_assert_true(tree_remove(state, &err));
}

/* Many who see the same old claims at once: each gets a port of its own. */
static void test_claim_race(void)
{
	for (int i = 0; i < 6; i++)
		race();
}

static void test_port_free(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	AUTO(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int port;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(listen(fd, 1), ==, 0);
	getsockname(fd, (struct sockaddr *)&address, &length);
	port = ntohs(address.sin_port);
	g_assert_false(forward_free(port, false));
	g_assert_true(forward_free(port, true));
	close(fd_steal(&fd));
	g_assert_true(forward_free(port, false));
}

static struct settings base(struct arena *arena)
{
	AUTO(error) struct error *err = NULL;
	struct settings s;

	g_assert_true(settings_parse(arena, parse(arena, "{\"image\":\"k\"}"), &s, &err));
	return s;
}

static void test_restart(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct settings a = base(arena), b = a;

	g_assert_false(settings_need_restart(&a, &b));
	b.disk = 1 << 30;
	b.running = false;
	b.ports = parse(arena, "[\"80\"]");
	g_assert_false(settings_need_restart(&a, &b));
	b.memory *= 2;
	g_assert_true(settings_need_restart(&a, &b));
	b = a;
	b.keys = parse(arena, "[\"" KEY "\"]");
	g_assert_true(settings_need_restart(&a, &b));
	b = a;
	b.user = "admin";
	g_assert_true(settings_need_restart(&a, &b));
}

/* The content of a credential, decoded. */
static char *credential(const GPtrArray *strings, const char *name)
{
	AUTO(gfree) char *prefix = g_strdup_printf("io.systemd.credential.binary:%s=", name);

	for (unsigned i = 0; i < strings->len; i++) {
		size_t length;
		unsigned char *bytes;
		char *text;

		if (!g_str_has_prefix(strings->pdata[i], prefix))
			continue;
		bytes = g_base64_decode((char *)strings->pdata[i] + strlen(prefix), &length);
		text = g_strndup((char *)bytes, length);
		g_free(bytes);
		return text;
	}
	return NULL;
}

/* The content of the file that a line of tmpfiles makes. */
static char *file_of(const char *tmpfiles, const char *path)
{
	g_auto(GStrv) lines = g_strsplit(tmpfiles, "\n", -1);

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) words = g_strsplit(*line, " ", -1);
		size_t length;
		unsigned char *bytes;
		char *text;

		if (g_strv_length(words) != 7 || strcmp(words[1], path))
			continue;
		g_assert_cmpstr(words[0], ==, "f+~");
		bytes = g_base64_decode(words[6], &length);
		text = g_strndup((char *)bytes, length);
		g_free(bytes);
		return text;
	}
	return NULL;
}

static void test_credentials_root(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	struct value *keys = parse(arena, "[\"ssh-rsa SECOND\"]");
	struct credentials c = {"root", "ssh-ed25519 FIRST", keys, "PRIVATE\n", "ssh-ed25519 HOST"};
	GPtrArray *strings = credentials_format(&c, &err);
	AUTO(gfree) char *tmpfiles = NULL;
	AUTO(gfree) char *authorized = NULL;
	AUTO(gfree) char *host = NULL;
	AUTO(gfree) char *host_public = NULL;

	g_assert_nonnull(strings);
	g_assert_cmpuint(strings->len, ==, 1);
	tmpfiles = credential(strings, "tmpfiles.extra");
	authorized = file_of(tmpfiles, "/root/.ssh/authorized_keys");
	host = file_of(tmpfiles, "/etc/ssh/ssh_host_ed25519_key");
	host_public = file_of(tmpfiles, "/etc/ssh/ssh_host_ed25519_key.pub");
	g_assert_cmpstr(authorized, ==, "ssh-ed25519 FIRST\nssh-rsa SECOND\n");
	g_assert_cmpstr(host, ==, "PRIVATE\n");
	g_assert_cmpstr(host_public, ==, "ssh-ed25519 HOST\n");
	g_assert_nonnull(strstr(tmpfiles, "/etc/ssh/ssh_host_ed25519_key 0600 root root"));
	g_ptr_array_free(strings, TRUE);
}

static void test_credentials_user(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	struct credentials c = {"admin", "KEY", value_list(arena), "P\n", "H"};
	GPtrArray *strings = credentials_format(&c, &err);
	AUTO(gfree) char *users = credential(strings, "sysusers.extra");
	AUTO(gfree) char *tmpfiles = credential(strings, "tmpfiles.extra");
	AUTO(gfree) char *sudo = file_of(tmpfiles, "/etc/sudoers.d/90-admin");

	g_assert_cmpstr(users, ==, "u admin - \"admin\" /home/admin /bin/bash\n");
	g_assert_cmpstr(sudo, ==, "admin ALL=(ALL) NOPASSWD: ALL\n");
	g_assert_nonnull(strstr(tmpfiles, "/home/admin/.ssh/authorized_keys 0600 admin admin"));
	g_ptr_array_free(strings, TRUE);
}

/* SMBIOS has 64 KiB for all. */
static void test_credentials_many(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	struct credentials c = {"root", "KEY", value_list(arena), "P\n", "H"};

	for (int i = 0; i < 1000; i++)
		value_append(arena, (struct value *)c.keys, value_string(arena, KEY));
	g_assert_null(credentials_format(&c, &err));
	g_assert_cmpint(err->class, ==, ERROR_CONFIG);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvm/settings/defaults", test_defaults);
	g_test_add_func("/kvm/settings/round-trip", test_round_trip);
	g_test_add_func("/kvm/settings/refusals", test_refusals);
	g_test_add_func("/kvm/settings/said", test_said);
	g_test_add_func("/kvm/settings/keys", test_keys);
	g_test_add_func("/kvm/settings/restart", test_restart);
	g_test_add_func("/kvm/forward/parse", test_forwards);
	g_test_add_func("/kvm/forward/rule", test_rule);
	g_test_add_func("/kvm/forward/claim", test_claims);
	g_test_add_func("/kvm/forward/claim-stale", test_claim_stale);
	g_test_add_func("/kvm/forward/claim-aside", test_claim_aside);
	g_test_add_func("/kvm/forward/claim-race", test_claim_race);
	g_test_add_func("/kvm/forward/free", test_port_free);
	g_test_add_func("/kvm/credentials/root", test_credentials_root);
	g_test_add_func("/kvm/credentials/user", test_credentials_user);
	g_test_add_func("/kvm/credentials/many", test_credentials_many);
	return g_test_run();
}
