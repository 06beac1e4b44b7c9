/* libssh behind a few calls. The session never blocks: each step is tried until it no longer says
 * "again", and what is waited for is the socket, up to the step's limit. */
#include "common/ssh.h"

#include <errno.h>
#include <libssh/libssh.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/text.h"

/* Some packets are taken from the socket before a step looks at them: never sleep for long. */
enum { NAP = 100, OUTPUT_MOST = 64 * 1024, KEY_LINE = 70, CHUNK = 4096 };

static const char key_exchanges[] =
	"curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256";
static const char key_type[] = "ssh-ed25519";

struct ssh_link {
	ssh_session session;
	int fd;
	ino_t inode; /* of the socket */
};

/* The library writes the base64 of a key on one line, which not every reader of such files has
 * room for. */
static char *wrap(const char *text)
{
	GString *wrapped = g_string_new(NULL);
	size_t column = 0;

	for (const char *p = text; *p; p++) {
		if (column == KEY_LINE && *p != '\n') {
			g_string_append_c(wrapped, '\n');
			column = 0;
		}
		g_string_append_c(wrapped, *p);
		column = *p == '\n' ? 0 : column + 1;
	}
	return g_string_free(wrapped, FALSE);
}

static char *public_line(ssh_key key, struct error **err)
{
	ssh_key public = NULL;
	char *encoded = NULL, *line = NULL;

	if (ssh_pki_export_privkey_to_pubkey(key, &public) == SSH_OK &&
		ssh_pki_export_pubkey_base64(public, &encoded) == SSH_OK)
		line = g_strdup_printf("%s %s", ssh_key_type_to_char(ssh_key_type(key)), encoded);
	else
		error_set(err, ERROR_FAILED, "cannot derive the public part of an SSH key");
	ssh_string_free_char(encoded);
	ssh_key_free(public);
	return line;
}

bool ssh_pair_make(char **private_key, char **public_key, struct error **err)
{
	ssh_key key = NULL;
	char *text = NULL;

	if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK ||
		ssh_pki_export_privkey_base64(key, NULL, NULL, NULL, &text) != SSH_OK) {
		ssh_key_free(key);
		error_set(err, ERROR_FAILED, "cannot make an SSH key");
		return false;
	}
	*public_key = public_line(key, err);
	*private_key = *public_key ? wrap(text) : NULL;
	ssh_string_free_char(text);
	ssh_key_free(key);
	return *public_key != NULL;
}

static ssh_key key_import(const char *text, struct error **err)
{
	ssh_key key = NULL;

	if (ssh_pki_import_privkey_base64(text, NULL, NULL, NULL, &key) == SSH_OK)
		return key;
	error_set(err, ERROR_FAILED, "the private SSH key is damaged");
	return NULL;
}

char *ssh_pair_public(const char *private_key, struct error **err)
{
	ssh_key key = key_import(private_key, err);
	char *line = key ? public_line(key, err) : NULL;

	ssh_key_free(key);
	return line;
}

/* What the library says of a failure, without what the other side may have put into it. */
static bool lost(struct ssh_link *link, const char *what, struct error **err)
{
	const char *text = ssh_get_error(link->session);
	AUTO(gfree) char *safe = text_escape(text, strlen(text));

	error_set(err, ERROR_UNAVAILABLE, "%s: %s", what, *safe ? safe : "the connection ended");
	return false;
}

/* Waits until the socket has something for us, or a nap long. False at the limit. */
static bool again(struct ssh_link *link, int64_t end, const char *what, struct error **err)
{
	struct pollfd fd = {.fd = ssh_get_fd(link->session), .events = POLLIN};
	int64_t left = end - clock_now();

	if (left <= 0) {
		error_set(err, ERROR_TIMEOUT, "%s: no answer in time", what);
		return false;
	}
	if (ssh_get_poll_flags(link->session) & SSH_WRITE_PENDING)
		fd.events |= POLLOUT;
	poll(&fd, 1, (int)MIN(left, NAP));
	return true;
}

static bool set(struct ssh_link *link, enum ssh_options_e option, const void *value)
{
	return ssh_options_set(link->session, option, value) == SSH_OK;
}

static bool configure(
	struct ssh_link *link, int fd, const struct ssh_access *access, struct error **err)
{
	bool config = false;
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	/* No file of the user's is read, so where they would be is given, not looked up. */
	if (set(link, SSH_OPTIONS_PROCESS_CONFIG, &config) &&
		set(link, SSH_OPTIONS_SSH_DIR, "/nonexistent") &&
		set(link, SSH_OPTIONS_HOST, "machine") &&
		set(link, SSH_OPTIONS_USER, access->user) &&
		set(link, SSH_OPTIONS_KEY_EXCHANGE, key_exchanges) &&
		set(link, SSH_OPTIONS_HOSTKEYS, key_type) && set(link, SSH_OPTIONS_FD, &fd)) {
		ssh_set_blocking(link->session, 0);
		return true;
	}
	return lost(link, "cannot set up an SSH session", err);
}

static bool greet(struct ssh_link *link, int64_t end, struct error **err)
{
	static const char what[] = "SSH key exchange";
	int code;

	while ((code = ssh_connect(link->session)) == SSH_AGAIN)
		if (!again(link, end, what, err))
			return false;
	return code == SSH_OK || lost(link, what, err);
}

static bool host_key_check(
	struct ssh_link *link, const struct ssh_access *access, struct error **err)
{
	ssh_key key = NULL;
	char *encoded = NULL;
	AUTO(gfree) char *line = NULL;

	if (ssh_get_server_publickey(link->session, &key) == SSH_OK &&
		ssh_pki_export_pubkey_base64(key, &encoded) == SSH_OK)
		line = g_strdup_printf("%s %s", ssh_key_type_to_char(ssh_key_type(key)), encoded);
	ssh_string_free_char(encoded);
	ssh_key_free(key);
	if (!line)
		return lost(link, "SSH host key", err);
	if (!strcmp(line, access->host_key))
		return true;
	error_set(err, ERROR_CONFLICT, "the SSH server has another host key than it was given");
	error_hint(err, "it has: %s", line);
	return false;
}

static bool authenticate(
	struct ssh_link *link, const struct ssh_access *access, int64_t end, struct error **err)
{
	static const char what[] = "SSH login";
	ssh_key key = key_import(access->private_key, err);
	int code = SSH_AUTH_ERROR;
	bool waiting = key != NULL;

	while (waiting &&
		(code = ssh_userauth_publickey(link->session, NULL, key)) == SSH_AUTH_AGAIN)
		waiting = again(link, end, what, err);
	ssh_key_free(key);
	if (!waiting || code == SSH_AUTH_SUCCESS)
		return waiting;
	if (code != SSH_AUTH_DENIED && code != SSH_AUTH_PARTIAL)
		return lost(link, what, err);
	error_set(err, ERROR_DENIED, "%s: the key is refused for user '%s'", what, access->user);
	return false;
}

static void remember(struct ssh_link *link, int fd)
{
	struct stat st;

	link->fd = fd;
	link->inode = fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* Whether the library closes a socket that it was given depends on its version. */
static void forget(struct ssh_link *link)
{
	struct stat st;

	if (fstat(link->fd, &st) == 0 && st.st_ino == link->inode)
		close(link->fd);
}

struct ssh_link *ssh_link_open(
	int fd, const struct ssh_access *access, int64_t milliseconds, struct error **err)
{
	struct ssh_link *link = g_new0(struct ssh_link, 1);
	int64_t end = clock_now() + milliseconds;

	link->session = ssh_new();
	remember(link, fd);
	if (!link->session)
		error_set(err, ERROR_FAILED, "cannot set up an SSH session");
	else if (configure(link, fd, access, err) && greet(link, end, err) &&
		 host_key_check(link, access, err) && authenticate(link, access, end, err))
		return link;
	ssh_link_close(link);
	return NULL;
}

void ssh_link_close(struct ssh_link *link)
{
	if (link->session)
		ssh_disconnect(link->session);
	ssh_free(link->session);
	forget(link);
	g_free(link);
}

bool ssh_link_lost(const struct ssh_link *link)
{
	return !ssh_is_connected(link->session);
}

static ssh_channel channel_open(
	struct ssh_link *link, const char *host, int port, int64_t end, struct error **err)
{
	const char *what = host ? "SSH forwarding" : "SSH channel";
	ssh_channel channel = ssh_channel_new(link->session);
	int code = SSH_ERROR;
	bool waiting = channel != NULL;

	while (waiting) {
		code = host ? ssh_channel_open_forward(channel, host, port, "127.0.0.1", 0)
			    : ssh_channel_open_session(channel);
		if (code != SSH_AGAIN)
			break;
		waiting = again(link, end, what, err);
	}
	if (waiting && code == SSH_OK)
		return channel;
	if (!*err)
		lost(link, what, err);
	ssh_channel_free(channel);
	return NULL;
}

/* Appends what one stream has, up to `most`. True if anything came. */
static bool receive(ssh_channel channel, int stream, GString *text, size_t most)
{
	char buffer[CHUNK];
	int n = ssh_channel_read_nonblocking(channel, buffer, sizeof(buffer), stream);

	if (n <= 0)
		return false;
	g_string_append_len(text, buffer, MIN((size_t)n, most - text->len));
	return true;
}

static bool collect(struct ssh_link *link, ssh_channel channel, GString *text, size_t most,
	bool all, int64_t end, struct error **err)
{
	for (;;) {
		bool any = receive(channel, 0, text, most) | receive(channel, 1, text, most);

		if (any && (all || text->len < most) && clock_now() < end)
			continue;
		if ((!all && text->len >= most) || ssh_channel_is_closed(channel) ||
			(ssh_channel_is_eof(channel) &&
				(!all || ssh_channel_get_exit_status(channel) >= 0)))
			return true;
		if (!ssh_is_connected(link->session))
			return lost(link, "SSH channel", err);
		if (!again(link, end, "SSH channel", err))
			return false;
	}
}

static bool execute(struct ssh_link *link, ssh_channel channel, const char *command, int64_t end,
	struct error **err)
{
	static const char what[] = "SSH command";
	int code;

	while ((code = ssh_channel_request_exec(channel, command)) == SSH_AGAIN)
		if (!again(link, end, what, err))
			return false;
	return code == SSH_OK || lost(link, what, err);
}

bool ssh_link_run(struct ssh_link *link, const char *command, int64_t milliseconds, int *status,
	char **output, struct error **err)
{
	int64_t end = clock_now() + milliseconds;
	ssh_channel channel = channel_open(link, NULL, 0, end, err);
	GString *text = g_string_new(NULL);
	bool ok = channel && execute(link, channel, command, end, err) &&
		  collect(link, channel, text, OUTPUT_MOST, true, end, err);

	if (ok) {
		*status = ssh_channel_get_exit_status(channel);
		if (*status < 0)
			*status = 255;
	}
	if (channel)
		ssh_channel_free(channel);
	if (ok && output)
		*output = g_string_free(text, FALSE);
	else
		g_string_free(text, TRUE);
	return ok;
}

static bool transmit(struct ssh_link *link, ssh_channel channel, const char *text, int64_t end,
	struct error **err)
{
	size_t left = strlen(text);

	while (left) {
		int n = ssh_channel_write(channel, text, left);

		if (n < 0 && n != SSH_AGAIN)
			return lost(link, "SSH channel", err);
		text += MAX(n, 0);
		left -= MAX(n, 0);
		if (left && !again(link, end, "SSH channel", err))
			return false;
	}
	return true;
}

bool ssh_link_talk(struct ssh_link *link, const char *host, int port, const char *request,
	size_t most, int64_t milliseconds, char **reply, struct error **err)
{
	int64_t end = clock_now() + milliseconds;
	ssh_channel channel = channel_open(link, host, port, end, err);
	GString *text = g_string_new(NULL);
	bool ok = channel && (!request || transmit(link, channel, request, end, err)) &&
		  (!reply || collect(link, channel, text, most, false, end, err));

	if (channel)
		ssh_channel_free(channel);
	if (ok && reply)
		*reply = g_string_free(text, FALSE);
	else
		g_string_free(text, TRUE);
	return ok;
}
