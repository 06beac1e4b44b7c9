/* SSH: key pairs, and connections to a host whose key is known beforehand. */
#ifndef COMMON_SSH_H
#define COMMON_SSH_H

#include <stdint.h>

#include "base/error.h"

/* A new ed25519 pair: the text of a private key file as OpenSSH writes it, and the public key on
 * one line without its end. Caller frees both. */
bool ssh_pair_make(char **private_key, char **public_key, struct error **err) MUST_USE;
/* The public line that belongs to a private key's text; NULL on failure. Caller frees. */
char *ssh_pair_public(const char *private_key, struct error **err);

struct ssh_access {
	const char *user;
	const char *private_key; /* text of the file */
	const char *host_key;	 /* "ssh-ed25519 AAAA…": the one that is accepted */
};

struct ssh_link;

/* Takes the connected socket, closed on failure too. Compares the host key, then logs in.
 * ERROR_CONFLICT: another host key; ERROR_DENIED: the login was refused; ERROR_UNAVAILABLE: the
 * other side hung up or speaks no SSH that we do; ERROR_TIMEOUT. */
struct ssh_link *ssh_link_open(
	int fd, const struct ssh_access *access, int64_t milliseconds, struct error **err);
void ssh_link_close(struct ssh_link *link);
/* True once a call has found that the other side has gone: all further ones fail. */
bool ssh_link_lost(const struct ssh_link *link);

/* Runs one command in the user's login shell and without input. *status is its exit code, 255 when
 * a signal ended it. *output is the first 64 KiB of what it printed, both streams; caller frees. */
bool ssh_link_run(struct ssh_link *link, const char *command, int64_t milliseconds, int *status,
	char **output, struct error **err) MUST_USE;
/* Connects from the other side to host:port, sends `request` if it is not NULL, and receives until
 * the end or until `most` bytes have come; *reply may be NULL. Caller frees it. ERROR_UNAVAILABLE
 * when nobody accepts there. */
bool ssh_link_talk(struct ssh_link *link, const char *host, int port, const char *request,
	size_t most, int64_t milliseconds, char **reply, struct error **err) MUST_USE;

static inline void auto_ssh_link(struct ssh_link **link)
{
	if (*link)
		ssh_link_close(*link);
}

#endif
