/* common/ssh: keys, and logins at a server of libssh's own that follows a script. */
/* The calls of a server that go by messages are deprecated, and the simplest to script. */
#define SSH_SUPPRESS_DEPRECATED
#include <fcntl.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "common/ssh.h"

enum { LIMIT = 10000, SHORT = 300 };

struct pair {
	char *private_key, *public_key;
};

static struct pair pair_new(void)
{
	AUTO(error) struct error *err = NULL;
	struct pair pair;

	g_assert_true(ssh_pair_make(&pair.private_key, &pair.public_key, &err));
	return pair;
}

static void pair_free(struct pair *pair)
{
	g_free(pair->private_key);
	g_free(pair->public_key);
}

/* The server's side of one session: in a child, and as simple as may be. */
struct server {
	const struct pair *host, *login; /* whose key is let in */
	bool stalls;			 /* says nothing behind the banner */
};

static void answer_auth(const struct server *s, ssh_message message, bool *in)
{
	AUTO(gfree) char *line = NULL;
	char *encoded = NULL;

	if (ssh_message_subtype(message) != SSH_AUTH_METHOD_PUBLICKEY) {
		ssh_message_auth_set_methods(message, SSH_AUTH_METHOD_PUBLICKEY);
		ssh_message_reply_default(message);
		return;
	}
	if (ssh_pki_export_pubkey_base64(ssh_message_auth_pubkey(message), &encoded) == SSH_OK)
		line = g_strdup_printf("ssh-ed25519 %s", encoded);
	ssh_string_free_char(encoded);
	if (g_strcmp0(line, s->login->public_key) != 0 ||
		strcmp(ssh_message_auth_user(message), "root") != 0) {
		ssh_message_reply_default(message);
	} else if (ssh_message_auth_publickey_state(message) == SSH_PUBLICKEY_STATE_VALID) {
		*in = true;
		ssh_message_auth_reply_success(message, 0);
	} else {
		ssh_message_auth_reply_pk_ok_simple(message);
	}
}

static void write_all(ssh_channel channel, const char *text)
{
	ssh_channel_write(channel, text, strlen(text));
}

/* "exit N" ends with N, "much" prints 200 KiB, "hang" never ends, "signal" ends without a code. */
static void run_command(ssh_channel channel, const char *command)
{
	if (!strcmp(command, "hang"))
		return;
	if (!strcmp(command, "much"))
		for (int i = 0; i < 200; i++) {
			char block[1024];

			memset(block, 'm', sizeof(block));
			ssh_channel_write(channel, block, sizeof(block));
		}
	else
		write_all(channel, "out\n");
	ssh_channel_write_stderr(channel, "err\n", 4);
	if (strcmp(command, "signal") != 0)
		ssh_channel_request_send_exit_status(channel,
			strncmp(command, "exit ", 5) ? 0 : (int)strtol(command + 5, NULL, 10));
	ssh_channel_send_eof(channel);
	ssh_channel_close(channel);
}

/* Port 80 answers by what it got, 81 accepts and says nothing, all others refuse. */
static void open_forward(ssh_message message, ssh_channel *channel)
{
	int port = ssh_message_channel_request_open_destination_port(message);

	if (port != 80 && port != 81) {
		ssh_message_reply_default(message);
		return;
	}
	*channel = ssh_message_channel_request_open_reply_accept(message);
	if (port == 80) {
		char request[256] = "";

		ssh_channel_read_timeout(*channel, request, sizeof(request) - 1, 0, 2000);
		write_all(*channel, "got ");
		write_all(*channel, request);
		ssh_channel_send_eof(*channel);
	}
}

static void answer(const struct server *s, ssh_message message, bool *in)
{
	static ssh_channel channel;

	switch (ssh_message_type(message)) {
	case SSH_REQUEST_AUTH:
		answer_auth(s, message, in);
		return;
	case SSH_REQUEST_CHANNEL_OPEN:
		if (*in && ssh_message_subtype(message) == SSH_CHANNEL_SESSION)
			channel = ssh_message_channel_request_open_reply_accept(message);
		else if (*in && ssh_message_subtype(message) == SSH_CHANNEL_DIRECT_TCPIP)
			open_forward(message, &channel);
		else
			ssh_message_reply_default(message);
		return;
	case SSH_REQUEST_CHANNEL:
		if (ssh_message_subtype(message) == SSH_CHANNEL_REQUEST_EXEC) {
			ssh_message_channel_request_reply_success(message);
			run_command(channel, ssh_message_channel_request_command(message));
			return;
		}
		ssh_message_reply_default(message);
		return;
	default:
		ssh_message_reply_default(message);
	}
}

static void serve(const struct server *s, int fd)
{
	ssh_bind bind = ssh_bind_new();
	ssh_session session = ssh_new();
	ssh_message message;
	ssh_key key = NULL;
	bool in = false;

	if (s->stalls) {
		if (fd_write_all(fd, "SSH-2.0-test\r\n", 14))
			poll(NULL, 0, LIMIT);
		_exit(0);
	}
	ssh_pki_import_privkey_base64(s->host->private_key, NULL, NULL, NULL, &key);
	ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, key);
	if (ssh_bind_accept_fd(bind, session, fd) != SSH_OK ||
		ssh_handle_key_exchange(session) != SSH_OK)
		_exit(1);
	while ((message = ssh_message_get(session)) != NULL) {
		answer(s, message, &in);
		ssh_message_free(message);
	}
	_exit(0);
}

static pid_t start(const struct server *s, int *fd)
{
	int fds[2];
	pid_t pid;

	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		serve(s, fds[1]);
	}
	close(fds[1]);
	*fd = fds[0];
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static unsigned open_descriptors(void)
{
	AUTO(dir) DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(dir))
		count++;
	return count;
}

struct fixture {
	struct pair host, login, other;
	struct server server;
	struct ssh_access access;
	unsigned descriptors;
};

static void set_up(struct fixture *f, const void *data)
{
	(void)data;
	f->host = pair_new();
	f->login = pair_new();
	f->other = pair_new();
	f->server = (struct server){&f->host, &f->login, false};
	f->access = (struct ssh_access){"root", f->login.private_key, f->host.public_key};
	f->descriptors = open_descriptors();
}

static void tear_down(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_cmpuint(open_descriptors(), ==, f->descriptors);
	pair_free(&f->host);
	pair_free(&f->login);
	pair_free(&f->other);
}

static struct ssh_link *log_in(struct fixture *f, pid_t *pid)
{
	AUTO(error) struct error *err = NULL;
	struct ssh_link *link;
	int fd;

	*pid = start(&f->server, &fd);
	link = ssh_link_open(fd, &f->access, LIMIT, &err);
	if (err)
		g_test_message("%s", err->message);
	g_assert_nonnull(link);
	return link;
}

static void check_run(
	struct ssh_link *link, const char *command, int wanted, const char *wanted_output)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *output = NULL;
	int status = -1;

	g_assert_true(ssh_link_run(link, command, LIMIT, &status, &output, &err));
	g_assert_cmpint(status, ==, wanted);
	if (wanted_output)
		g_assert_cmpstr(output, ==, wanted_output);
	else
		g_assert_cmpuint(strlen(output), ==, 64 * 1024);
}

static void test_run(struct fixture *f, const void *data)
{
	pid_t pid;
	struct ssh_link *link = log_in(f, &pid);

	(void)data;
	check_run(link, "true", 0, "out\nerr\n");
	check_run(link, "exit 3", 3, "out\nerr\n");
	check_run(link, "signal", 255, "out\nerr\n");
	check_run(link, "much", 0, NULL);
	ssh_link_close(link);
	end(pid);
}

static void test_run_limit(struct fixture *f, const void *data)
{
	AUTO(error) struct error *err = NULL;
	int64_t started = clock_now();
	int status;
	pid_t pid;
	struct ssh_link *link = log_in(f, &pid);

	(void)data;
	g_assert_false(ssh_link_run(link, "hang", SHORT, &status, NULL, &err));
	g_assert_cmpint(err->class, ==, ERROR_TIMEOUT);
	g_assert_cmpint(clock_now() - started, <, LIMIT);
	ssh_link_close(link);
	end(pid);
}

static void test_talk(struct fixture *f, const void *data)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *reply = NULL;
	pid_t pid;
	struct ssh_link *link = log_in(f, &pid);

	(void)data;
	g_assert_true(ssh_link_talk(link, "127.0.0.1", 80, "GET", 512, LIMIT, &reply, &err));
	g_assert_cmpstr(reply, ==, "got GET");
	g_assert_true(ssh_link_talk(link, "127.0.0.1", 81, NULL, 0, LIMIT, NULL, &err));
	g_assert_false(ssh_link_talk(link, "127.0.0.1", 82, NULL, 0, LIMIT, NULL, &err));
	g_assert_cmpint(err->class, ==, ERROR_UNAVAILABLE);
	error_clear(&err);
	check_run(link, "true", 0, "out\nerr\n");
	ssh_link_close(link);
	end(pid);
}

/* A refusal leaves the connection as it is; a server that goes does not. */
static void test_lost(struct fixture *f, const void *data)
{
	AUTO(error) struct error *err = NULL;
	int status;
	pid_t pid;
	struct ssh_link *link = log_in(f, &pid);

	(void)data;
	g_assert_false(ssh_link_talk(link, "127.0.0.1", 82, NULL, 0, LIMIT, NULL, &err));
	g_assert_false(ssh_link_lost(link));
	error_clear(&err);
	end(pid);
	g_assert_false(ssh_link_run(link, "true", LIMIT, &status, NULL, &err));
	g_assert_cmpint(err->class, ==, ERROR_UNAVAILABLE);
	g_assert_true(ssh_link_lost(link));
	ssh_link_close(link);
}

static void refuses(struct fixture *f, int64_t limit, enum error_class class)
{
	AUTO(error) struct error *err = NULL;
	int fd;
	pid_t pid = start(&f->server, &fd);

	g_assert_null(ssh_link_open(fd, &f->access, limit, &err));
	g_assert_cmpint(err->class, ==, class);
	end(pid);
}

/* Nobody logs in at a host with another key, nor does it learn ours. */
static void test_other_host(struct fixture *f, const void *data)
{
	(void)data;
	f->access.host_key = f->other.public_key;
	refuses(f, LIMIT, ERROR_CONFLICT);
}

static void test_other_login(struct fixture *f, const void *data)
{
	(void)data;
	f->access.private_key = f->other.private_key;
	refuses(f, LIMIT, ERROR_DENIED);
	f->access.private_key = f->login.private_key;
	f->access.user = "admin";
	refuses(f, LIMIT, ERROR_DENIED);
	f->access.user = "root";
	f->access.private_key = "no key";
	refuses(f, LIMIT, ERROR_FAILED);
}

static void test_stalls(struct fixture *f, const void *data)
{
	(void)data;
	f->server.stalls = true;
	refuses(f, SHORT, ERROR_TIMEOUT);
}

static void test_hangs_up(struct fixture *f, const void *data)
{
	AUTO(error) struct error *err = NULL;
	int fds[2];

	(void)data;
	g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
	close(fds[1]);
	g_assert_null(ssh_link_open(fds[0], &f->access, LIMIT, &err));
	g_assert_cmpint(err->class, ==, ERROR_UNAVAILABLE);
}

static void test_pair(struct fixture *f, const void *data)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *line = ssh_pair_public(f->login.private_key, &err);
	g_auto(GStrv) lines = g_strsplit(f->login.private_key, "\n", -1);

	(void)data;
	g_assert_cmpstr(line, ==, f->login.public_key);
	g_assert_true(g_str_has_prefix(line, "ssh-ed25519 AAAA"));
	g_assert_cmpstr(lines[0], ==, "-----BEGIN OPENSSH PRIVATE KEY-----");
	for (char **p = lines; *p; p++)
		g_assert_cmpuint(strlen(*p), <=, 70);
	g_assert_cmpstr(f->login.public_key, !=, f->other.public_key);
	g_assert_null(ssh_pair_public("nothing", &err));
}

/* OpenSSH reads what we write. */
static void test_pair_openssh(struct fixture *f, const void *data)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *program = g_find_program_in_path("ssh-keygen");
	AUTO(gfree) char *folder = g_dir_make_tmp("test-ssh-XXXXXX", NULL);
	AUTO(gfree) char *path = g_build_filename(folder, "key", NULL);
	AUTO(gfree) char *output = NULL;
	const char *argv[] = {"ssh-keygen", "-y", "-f", path, NULL};
	struct process_options options = {.stdin_fd = -1};

	(void)data;
	g_assert_true(
		file_write(path, f->login.private_key, strlen(f->login.private_key), 0600, &err));
	if (program) {
		g_assert_true(process_run(argv, &options, LIMIT, NULL, NULL, &output, &err));
		g_assert_true(g_str_has_prefix(output, f->login.public_key));
	} else {
		g_test_skip("there is no ssh-keygen");
	}
	g_assert_true(tree_remove(folder, &err));
}

#define ADD(path, function) \
	g_test_add("/ssh/" path, struct fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	g_test_init(&argc, &argv, NULL);
	ADD("pair", test_pair);
	ADD("pair-openssh", test_pair_openssh);
	ADD("run", test_run);
	ADD("run-limit", test_run_limit);
	ADD("talk", test_talk);
	ADD("lost", test_lost);
	ADD("other-host", test_other_host);
	ADD("other-login", test_other_login);
	ADD("stalls", test_stalls);
	ADD("hangs-up", test_hangs_up);
	return g_test_run();
}
