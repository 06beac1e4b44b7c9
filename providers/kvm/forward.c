/* Forwarded ports. A claim is a symbolic link, made in one act; its target is the owner. */
#include "forward.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/id.h"
#include "machine.h"

/* Below the range that the kernel gives to outgoing connections. */
enum { FIRST_PORT = 20000, LAST_PORT = 31999, STALE_AFTER = 600 };

static const char *number_parse(const char *p, int *number)
{
	const char *start = p;

	for (*number = 0; *p >= '0' && *p <= '9' && *number <= 65535; p++)
		*number = *number * 10 + (*p - '0');
	return p > start && *number <= 65535 ? p : NULL;
}

static bool forward_scan(const char *p, struct forward *forward)
{
	forward->udp = false;
	forward->host = 0;
	p = number_parse(p, &forward->guest);
	if (p && *p == ':') {
		forward->host = forward->guest;
		p = number_parse(p + 1, &forward->guest);
	}
	if (!p || forward->guest == 0)
		return false;
	forward->udp = !strcmp(p, "/udp");
	return !*p || forward->udp || !strcmp(p, "/tcp");
}

bool forward_parse(const char *text, struct forward *forward, struct error **err)
{
	if (forward_scan(text, forward))
		return true;
	error_set(err, ERROR_CONFIG, "'%s' is no forwarded port", text);
	error_hint(err, "write HOST:GUEST/tcp or HOST:GUEST/udp, for example 8080:80/tcp, or GUEST "
			"alone for any free port of the host");
	return false;
}

char *forward_format(const struct forward *f)
{
	return g_strdup_printf("%d:%d/%s", f->host, f->guest, f->udp ? "udp" : "tcp");
}

char *forward_rule(const struct forward *f)
{
	return g_strdup_printf("%s:127.0.0.1:%d-:%d", f->udp ? "udp" : "tcp", f->host, f->guest);
}

/* Connections that linger in TIME_WAIT do not matter to one that listens. */
bool forward_free(int port, bool udp)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	AUTO(fd) int fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
	int on = 1;

	if (!udp && fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

static char *claim_path(const char *state_dir, int port)
{
	return g_strdup_printf("%s/ports/%d", state_dir, port);
}

/* A claim whose owner never came to be, or went without letting go. The age spares one that is
 * being made. */
static bool claim_stale(const char *state_dir, const char *path)
{
	AUTO(gfree) char *owner = g_file_read_link(path, NULL);
	struct stat st;

	return owner && lstat(path, &st) == 0 && time(NULL) - st.st_mtime > STALE_AFTER &&
	       machine_gone(state_dir, owner);
}

/* Between the look and the act it could become somebody's: of those who take over, only one is at
 * work at a time, and for the others it is just another port that is not free. */
static bool take_over(const char *state_dir, const char *owner, const char *path)
{
	AUTO(gfree) char *folder = g_path_get_dirname(path);
	AUTO(fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && claim_stale(state_dir, path) &&
		unlink(path) == 0 && symlink(owner, path) == 0)
		return true;
	errno = EEXIST;
	return false;
}

static bool claim(const char *state_dir, const char *owner, int port)
{
	AUTO(gfree) char *path = claim_path(state_dir, port);

	if (symlink(owner, path) == 0)
		return true;
	return errno == EEXIST && take_over(state_dir, owner, path);
}

bool forward_claim(const char *state_dir, const char *owner, const char *seed, bool udp, int *port,
	struct error **err)
{
	AUTO(gfree) char *folder = g_build_filename(state_dir, "ports", NULL);
	AUTO(gfree) char *digest = id_digest(seed, strlen(seed));
	unsigned count = LAST_PORT - FIRST_PORT + 1, first;

	digest[8] = '\0';
	first = strtoul(digest, NULL, 16) % count;
	if (!dir_make(folder, err))
		return false;
	for (unsigned i = 0; i < count; i++) {
		int candidate = FIRST_PORT + (first + i) % count;

		if (!forward_free(candidate, udp))
			continue;
		if (claim(state_dir, owner, candidate)) {
			*port = candidate;
			return true;
		}
		if (errno != EEXIST) {
			error_set_errno(err, "cannot claim port %d in '%s'", candidate, folder);
			return false;
		}
	}
	error_set(err, ERROR_CONFLICT, "no port from %d to %d is free", FIRST_PORT, LAST_PORT);
	return false;
}

static bool kept(const char *name, const int *keep, size_t count)
{
	int64_t port = g_ascii_strtoll(name, NULL, 10);

	for (size_t i = 0; i < count; i++)
		if (keep[i] == port)
			return true;
	return false;
}

void forward_release(const char *state_dir, const char *owner, const int *keep, size_t count)
{
	AUTO(gfree) char *folder = g_build_filename(state_dir, "ports", NULL);
	AUTO(dir) DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL) {
		AUTO(gfree) char *path = g_build_filename(folder, entry->d_name, NULL);
		AUTO(gfree) char *holder = g_file_read_link(path, NULL);

		if (holder && !strcmp(holder, owner) && !kept(entry->d_name, keep, count))
			unlink(path);
	}
}
