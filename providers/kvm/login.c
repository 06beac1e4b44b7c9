/* One try to log in; whoever waits for a machine tries again. */
#include "login.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "keys.h"

bool login_access(
	struct arena *arena, const struct machine *m, struct ssh_access *access, struct error **err)
{
	const char *host_private;

	access->user = m->settings.user;
	access->private_key = keys_login(arena, m->state_dir, m->fleet, err);
	return access->private_key &&
	       keys_host_load(arena, m, &host_private, &access->host_key, err);
}

int login_connect(int port, struct error **err)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	AUTO(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd >= 0 && (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
			       errno == EINPROGRESS))
		return fd_steal(&fd);
	error_set_errno(err, "cannot connect to 127.0.0.1:%d", port);
	(*err)->class = ERROR_UNAVAILABLE;
	return -1;
}

struct ssh_link *login_open(
	struct arena *arena, const struct machine *m, int64_t milliseconds, struct error **err)
{
	struct ssh_access access;
	int fd;

	if (!login_access(arena, m, &access, err))
		return NULL;
	fd = login_connect(m->ssh_port, err);
	return fd < 0 ? NULL : ssh_link_open(fd, &access, milliseconds, err);
}
