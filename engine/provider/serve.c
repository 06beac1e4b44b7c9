/* The serving process: one thread that relays whole lines between the engine and its workers. */
#include "provider/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "document/json.h"

enum { FIRST_HIGH = 64, LOCK_FD = 3, END_LIMIT = 9000, CHUNK = 65536 };

/* The protocol leaves 0 and 1, so that a printf of some library harms nothing. */
static bool take_descriptors(struct serve *serve)
{
	AUTO(fd) int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int flags;

	serve->in_fd = fcntl(0, F_DUPFD_CLOEXEC, FIRST_HIGH);
	serve->out_fd = fcntl(1, F_DUPFD_CLOEXEC, FIRST_HIGH);
	if (null < 0 || serve->in_fd < 0 || serve->out_fd < 0)
		return false;
	if (fcntl(2, F_GETFD) < 0 && dup2(null, 2) < 0)
		return false;
	if (dup2(null, 0) < 0 || dup2(2, 1) < 0)
		return false;
	if (null <= 2)
		fd_steal(&null);
	if (fcntl(LOCK_FD, F_GETFD) >= 0)
		fd_cloexec(LOCK_FD, true);
	flags = fcntl(serve->out_fd, F_GETFL);
	return flags >= 0 && fcntl(serve->out_fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

/* No more requests: what is under way is stopped. */
static void end_input(struct serve *serve)
{
	if (serve->end_at)
		return;
	serve->end_at = clock_now() + END_LIMIT;
	for (unsigned i = 0; i < serve->workers->len; i++)
		serve_cancel(serve->workers->pdata[i]);
}

static void lose_output(struct serve *serve)
{
	close(serve->out_fd);
	serve->out_fd = -1;
	end_input(serve);
}

static void flush(struct serve *serve)
{
	while (serve->out_fd >= 0 && serve->out_at < serve->out->len) {
		ssize_t n = write(serve->out_fd, serve->out->str + serve->out_at,
			serve->out->len - serve->out_at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			lose_output(serve);
		else
			serve->out_at += n;
	}
	if (serve->out_fd < 0)
		serve->out_at = serve->out->len;
	/* Moved rarely, so that a byte is not moved more than about once. */
	if (serve->out_at == serve->out->len || serve->out_at >= SERVE_QUEUE_MOST) {
		g_string_erase(serve->out, 0, serve->out_at);
		serve->out_at = 0;
	}
}

static void refuse_long(struct serve *serve)
{
	AUTO(error) struct error *err = NULL;

	error_set(&err, ERROR_INTERNAL, "a line of more than %d bytes", PROTOCOL_LINE_MOST);
	serve_say_error(serve, 0, err);
}

/* Keeps what has no end yet; only `from` on can hold a new line's end. */
static void take_lines(struct serve *serve, size_t from)
{
	size_t start = 0;
	char *end;

	while ((end = memchr(serve->in->str + from, '\n', serve->in->len - from)) != NULL) {
		size_t stop = end - serve->in->str;

		if (serve->skipping)
			serve->skipping = false;
		else if (stop - start > PROTOCOL_LINE_MOST)
			refuse_long(serve);
		else if (stop > start)
			serve_line(serve, serve->in->str + start, stop - start);
		start = from = stop + 1;
	}
	g_string_erase(serve->in, 0, start);
	if (serve->in->len <= PROTOCOL_LINE_MOST)
		return;
	if (!serve->skipping)
		refuse_long(serve);
	serve->skipping = true;
	g_string_truncate(serve->in, 0);
}

static void read_input(struct serve *serve)
{
	char buffer[CHUNK];
	size_t before = serve->in->len;
	ssize_t n = read(serve->in_fd, buffer, sizeof(buffer));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		end_input(serve);
		return;
	}
	g_string_append_len(serve->in, buffer, n);
	take_lines(serve, before);
}

static int next_timeout(const struct serve *serve)
{
	int64_t next = serve->end_at ? serve->end_at : INT64_MAX, now = clock_now();

	for (unsigned i = 0; i < serve->workers->len; i++) {
		const struct worker *worker = serve->workers->pdata[i];

		if (worker->kill_at)
			next = MIN(next, worker->kill_at);
	}
	return next == INT64_MAX ? -1 : (int)CLAMP(next - now, 0, 60000);
}

static void kill_late(struct serve *serve)
{
	int64_t now = clock_now();

	for (unsigned i = 0; i < serve->workers->len; i++) {
		struct worker *worker = serve->workers->pdata[i];

		if (worker->kill_at && now >= worker->kill_at) {
			serve_kill(worker);
			worker->kill_at = INT64_MAX;
		}
	}
}

/* Two descriptors for the process, then two for each worker, in the order of the list. */
static void fill_poll(const struct serve *serve, GArray *fds)
{
	bool full = serve->out->len - serve->out_at > SERVE_QUEUE_MOST;

	g_array_set_size(fds, 2 + 2 * serve->workers->len);
	memset(fds->data, 0, sizeof(struct pollfd) * fds->len);
	g_array_index(fds, struct pollfd, 0) =
		(struct pollfd){serve->end_at ? -1 : serve->in_fd, POLLIN, 0};
	g_array_index(fds, struct pollfd, 1) =
		(struct pollfd){serve->out_fd, serve->out->len > serve->out_at ? POLLOUT : 0, 0};
	for (unsigned i = 0; i < serve->workers->len; i++) {
		const struct worker *worker = serve->workers->pdata[i];

		g_array_index(fds, struct pollfd, 2 + 2 * i) =
			(struct pollfd){full ? -1 : worker->fd, POLLIN, 0};
		g_array_index(fds, struct pollfd, 3 + 2 * i) =
			(struct pollfd){full ? -1 : worker->pidfd, POLLIN, 0};
	}
}

static void handle(struct serve *serve, const GArray *fds)
{
	const struct pollfd *p = (const struct pollfd *)(const void *)fds->data;

	/* Backwards: a worker that has ended leaves the list. */
	for (unsigned i = (fds->len - 2) / 2; i-- > 0;) {
		struct worker *worker = serve->workers->pdata[i];

		if (p[3 + 2 * i].revents)
			serve_ended(serve, worker);
		else if (p[2 + 2 * i].revents)
			serve_relay(serve, worker);
	}
	if (p[0].revents)
		read_input(serve);
	if (serve->out_fd >= 0 && (p[1].revents & (POLLERR | POLLHUP | POLLNVAL)))
		lose_output(serve);
	flush(serve);
}

static bool finished(const struct serve *serve)
{
	if (!serve->end_at)
		return false;
	if (clock_now() >= serve->end_at)
		return true;
	return serve->workers->len == 0 && (serve->out_fd < 0 || serve->out_at == serve->out->len);
}

static void loop(struct serve *serve)
{
	GArray *fds = g_array_new(FALSE, FALSE, sizeof(struct pollfd));

	while (!finished(serve)) {
		int n;

		fill_poll(serve, fds);
		n = poll((struct pollfd *)(void *)fds->data, fds->len, next_timeout(serve));
		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			handle(serve, fds);
		kill_late(serve);
	}
	for (unsigned i = 0; i < serve->workers->len; i++)
		serve_kill(serve->workers->pdata[i]);
	g_array_free(fds, TRUE);
}

static void free_worker(void *data)
{
	struct worker *worker = data;

	close(worker->pidfd);
	if (worker->fd >= 0)
		close(worker->fd);
	g_string_free(worker->in, TRUE);
	g_free(worker->call);
	g_free(worker);
}

static int serve_requests(const struct provider *provider)
{
	struct serve serve = {.provider = provider};

	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	umask(077);
	if (!take_descriptors(&serve)) {
		fprintf(stderr, "provider-%s: cannot set up descriptors: %s\n", provider->name,
			strerror(errno));
		return 1;
	}
	serve.arena = arena_new();
	serve.in = g_string_new(NULL);
	serve.out = g_string_new(NULL);
	serve.workers = g_ptr_array_new_with_free_func(free_worker);
	loop(&serve);
	g_ptr_array_free(serve.workers, TRUE);
	g_string_free(serve.in, TRUE);
	g_string_free(serve.out, TRUE);
	arena_free(serve.arena);
	return 0;
}

/* Compact JSON, broken into one line for each field. */
static int print_schema(const struct provider *provider)
{
	AUTO(arena) struct arena *arena = arena_new();

	printf("{\"name\":\"%s\",\"version\":\"%s\",\"protocol\":%d,\"kinds\":[", provider->name,
		provider->version, PROTOCOL_VERSION);
	for (const struct provider_kind *kind = provider->kinds; kind->name; kind++) {
		struct value *map = value_map(arena);
		const struct value *fields;
		AUTO(gfree) char *head = NULL;

		serve_kind(arena, kind, map);
		fields = value_get_list(map, "fields");
		value_unset(map, "fields");
		head = json_format(map);
		printf("%s\n  %.*s,\"fields\":[", kind == provider->kinds ? "" : ",",
			(int)strlen(head) - 1, head);
		for (size_t i = 0; fields && i < fields->list.count; i++) {
			AUTO(gfree) char *text = json_format(fields->list.items[i]);

			printf("%s\n    %s", i ? "," : "", text);
		}
		printf("]}");
	}
	printf("\n]}\n");
	return fflush(stdout) == 0 ? 0 : 1;
}

int provider_serve(const struct provider *provider, int argc, char **argv)
{
	if (argc == 1 && !isatty(0))
		return serve_requests(provider);
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("provider-%s %s (protocol %d)\n", provider->name, provider->version,
			PROTOCOL_VERSION);
		return fflush(stdout) == 0 ? 0 : 1;
	}
	if (argc == 2 && !strcmp(argv[1], "--schema"))
		return print_schema(provider);
	fprintf(stderr,
		"usage: provider-%s [--version|--schema]\n"
		"Without arguments it is run by provision, which speaks to it on standard input.\n",
		provider->name);
	return 64;
}
