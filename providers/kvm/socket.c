/* The address names the folder by a descriptor of our own, which is always short. */
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { BACKLOG = 16 };

static int folder_open(const char *folder, struct error **err)
{
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		error_set_errno(err, "cannot open folder '%s'", folder);
	return fd;
}

static bool address_set(struct sockaddr_un *address, int folder, const char *name)
{
	int n = snprintf(
		address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/%s", folder, name);

	address->sun_family = AF_UNIX;
	return n > 0 && (size_t)n < sizeof(address->sun_path);
}

static bool bind_new(int fd, int folder, const char *name)
{
	struct sockaddr_un address = {0};

	if (!address_set(&address, folder, name)) {
		errno = ENAMETOOLONG;
		return false;
	}
	if (unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return false;
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	       fchmodat(folder, name, 0600, 0) == 0 && listen(fd, BACKLOG) == 0;
}

int socket_listen(const char *folder, const char *name, struct error **err)
{
	AUTO(fd) int dir = folder_open(folder, err);
	AUTO(fd) int fd = -1;

	if (dir < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || !bind_new(fd, dir, name)) {
		error_set_errno(err, "cannot listen on '%s/%s'", folder, name);
		return -1;
	}
	return fd_steal(&fd);
}

int socket_connect(const char *folder, const char *name, struct error **err)
{
	AUTO(fd) int dir = folder_open(folder, err);
	AUTO(fd) int fd = -1;
	struct sockaddr_un address = {0};

	if (dir < 0)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && address_set(&address, dir, name) &&
		connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd_steal(&fd);
	if (errno == ECONNREFUSED || errno == ENOENT || errno == EAGAIN)
		error_set(err, ERROR_UNAVAILABLE, "nobody answers on '%s/%s'", folder, name);
	else
		error_set_errno(err, "cannot connect to '%s/%s'", folder, name);
	return -1;
}
