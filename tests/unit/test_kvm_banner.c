/* kvm: finding the moment in which an SSH server answers, against a port that behaves as QEMU's
 * user-mode network does while a guest boots. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/text.h"
#include "kvm/banner.h"

enum { LIMIT = 10000 };

/* What the n-th and all later connections meet. */
enum manner { SILENT, REFUSES, GREETS, GREETS_LATE, SPEAKS_HTTP, GREETS_IN_PIECES };

struct stage {
	int from;
	enum manner manner;
};

struct peer {
	pid_t pid;
	int port;
	int counter; /* one byte for each connection that came */
};

static void say(int fd, const char *text)
{
	if (!fd_write_all(fd, text, strlen(text)))
		_exit(1);
}

static void meet(int fd, enum manner manner)
{
	switch (manner) {
	case SILENT:
		return;
	case REFUSES:
		close(fd);
		return;
	case GREETS_LATE:
		poll(NULL, 0, 400);
		/* fall through */
	case GREETS:
		say(fd, "SSH-2.0-test\r\n");
		return;
	case GREETS_IN_PIECES:
		say(fd, "SS");
		poll(NULL, 0, 50);
		say(fd, "H-2.0-test\r\n");
		return;
	case SPEAKS_HTTP:
		say(fd, "HTTP/1.0 400\r\n");
		return;
	}
}

static void serve(int listener, int counter, const struct stage *stages, size_t count)
{
	for (int n = 0;; n++) {
		int fd = accept(listener, NULL, NULL);
		enum manner manner = SILENT;

		say(counter, "x");
		for (size_t i = 0; i < count; i++)
			if (n >= stages[i].from)
				manner = stages[i].manner;
		meet(fd, manner);
	}
}

static struct peer start(const struct stage *stages, size_t count)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fds[2];
	struct peer peer;

	signal(SIGPIPE, SIG_IGN);
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(listen(fd, 64), ==, 0);
	g_assert_cmpint(pipe2(fds, O_CLOEXEC | O_NONBLOCK), ==, 0);
	getsockname(fd, (struct sockaddr *)&address, &length);
	peer.port = ntohs(address.sin_port);
	peer.counter = fds[0];
	peer.pid = fork();
	if (peer.pid == 0)
		serve(fd, fds[1], stages, count);
	close(fd);
	close(fds[1]);
	return peer;
}

/* Returns how many connections came. */
static int end(struct peer *peer)
{
	char bytes[4096];
	ssize_t n;

	kill(peer->pid, SIGKILL);
	waitpid(peer->pid, NULL, 0);
	n = read(peer->counter, bytes, sizeof(bytes));
	close(peer->counter);
	return (int)MAX(n, 0);
}

static int await(const struct peer *peer, int64_t limit, int ended_fd, struct error **err)
{
	struct banner banner = {.port = peer->port,
		.certain = true,
		.ended_fd = ended_fd,
		.end = clock_now() + limit};

	return banner_wait(&banner, err);
}

/* The banner is still there to be read. */
static void check(int fd)
{
	char text[64] = "";

	g_assert_cmpint(fd, >=, 0);
	while (recv(fd, text, sizeof(text) - 1, MSG_PEEK) < 14)
		poll(NULL, 0, 1);
	g_assert_cmpint(recv(fd, text, sizeof(text) - 1, 0), ==, 14);
	g_assert_cmpstr(text, ==, "SSH-2.0-test\r\n");
	close(fd);
}

static void succeeds(const struct stage *stages, size_t count, int64_t most, int connections)
{
	AUTO(error) struct error *err = NULL;
	struct peer peer = start(stages, count);
	int64_t started = clock_now();
	int came;

	check(await(&peer, LIMIT, -1, &err));
	g_assert_cmpint(clock_now() - started, <, most);
	came = end(&peer);
	g_assert_cmpint(came, <=, connections);
}

static void test_at_once(void)
{
	static const struct stage stages[] = {{0, GREETS}};

	succeeds(stages, 1, 1000, 1);
}

/* QEMU accepts for a guest that has no network card yet: nothing ever comes on those. */
static void test_silent_first(void)
{
	static const struct stage stages[] = {{0, SILENT}, {5, GREETS}};

	succeeds(stages, 2, 4000, 6);
}

static void test_refused_first(void)
{
	static const struct stage stages[] = {{0, SILENT}, {3, REFUSES}, {20, GREETS}};

	succeeds(stages, 3, 5000, 21);
}

/* Once the guest's network is there, a server that takes its time is not overrun. */
static void test_slow_server(void)
{
	static const struct stage stages[] = {{0, REFUSES}, {2, GREETS_LATE}};

	succeeds(stages, 2, 3000, 3);
}

static void test_pieces(void)
{
	static const struct stage stages[] = {{0, GREETS_IN_PIECES}};

	succeeds(stages, 1, 1000, 2);
}

static void fails(enum manner manner, int64_t limit, const char *word)
{
	const struct stage stages[] = {{0, manner}};
	AUTO(error) struct error *err = NULL;
	struct peer peer = start(stages, 1);
	int64_t started = clock_now();

	g_assert_cmpint(await(&peer, limit, -1, &err), ==, -1);
	g_assert_cmpint(err->class, ==, ERROR_TIMEOUT);
	g_assert_nonnull(strstr(err->message, word));
	g_assert_cmpint(clock_now() - started, <, limit + 1000);
	end(&peer);
}

static void test_never(void)
{
	fails(SILENT, 300, "no answer");
	fails(REFUSES, 300, "refused");
	fails(SPEAKS_HTTP, 300, "something else");
}

static void test_nobody(void)
{
	static const struct stage stages[] = {{0, SILENT}};
	AUTO(error) struct error *err = NULL;
	struct peer peer = start(stages, 1);

	end(&peer);
	g_assert_cmpint(await(&peer, 200, -1, &err), ==, -1);
	g_assert_cmpint(err->class, ==, ERROR_TIMEOUT);
}

static bool never(void *data)
{
	++*(int *)data;
	return false;
}

static void test_given_up(void)
{
	static const struct stage stages[] = {{0, SILENT}};
	AUTO(error) struct error *err = NULL;
	struct peer peer = start(stages, 1);
	int ticks = 0;
	struct banner banner = {.port = peer.port,
		.ended_fd = -1,
		.end = clock_now() + LIMIT,
		.tick = never,
		.data = &ticks};

	g_assert_cmpint(banner_wait(&banner, &err), ==, -1);
	g_assert_cmpint(err->class, ==, ERROR_CANCELLED);
	g_assert_cmpint(ticks, ==, 1);
	end(&peer);
}

/* What is tried while the guest has no network card knocks at its server later: hardly any is. */
static void test_uncertain(void)
{
	static const struct stage stages[] = {{0, SILENT}};
	AUTO(error) struct error *err = NULL;
	struct peer peer = start(stages, 1);
	struct banner banner = {.port = peer.port, .ended_fd = -1, .end = clock_now() + 1500};

	g_assert_cmpint(banner_wait(&banner, &err), ==, -1);
	g_assert_cmpint(end(&peer), ==, 1);
}

/* The end of QEMU is seen at once, not at the limit. */
static void test_ended(void)
{
	static const struct stage stages[] = {{0, SILENT}};
	AUTO(error) struct error *err = NULL;
	struct peer peer = start(stages, 1);
	int64_t started = clock_now();
	int fds[2];

	g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
	close(fds[1]);
	g_assert_cmpint(await(&peer, LIMIT, fds[0], &err), ==, -1);
	g_assert_cmpint(err->class, ==, ERROR_UNAVAILABLE);
	g_assert_cmpint(clock_now() - started, <, 1000);
	close(fds[0]);
	end(&peer);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvm/banner/at-once", test_at_once);
	g_test_add_func("/kvm/banner/silent-first", test_silent_first);
	g_test_add_func("/kvm/banner/refused-first", test_refused_first);
	g_test_add_func("/kvm/banner/slow-server", test_slow_server);
	g_test_add_func("/kvm/banner/pieces", test_pieces);
	g_test_add_func("/kvm/banner/never", test_never);
	g_test_add_func("/kvm/banner/nobody", test_nobody);
	g_test_add_func("/kvm/banner/uncertain", test_uncertain);
	g_test_add_func("/kvm/banner/given-up", test_given_up);
	g_test_add_func("/kvm/banner/ended", test_ended);
	return g_test_run();
}
