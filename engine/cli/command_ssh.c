/* provision ssh: becomes OpenSSH's client, told everything by us and nothing by the user's own
 * configuration. All paths are relative to the state directory, in which it is started, so that no
 * blank, '%' or '$' of a folder's name means anything to it. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/quote.h"
#include "base/text.h"
#include "cli/find.h"
#include "cli/output.h"

enum { CONNECT_SECONDS = 30, ALIVE_SECONDS = 15, ALIVE_TIMES = 3 };

/* What the machine's provider says of the way in. */
struct connection {
	const char *address, *user, *identity, *known_hosts, *alias;
	int64_t port;
};

static bool is_plain(const char *text, const char *more)
{
	if (!text || !*text || *text == '-')
		return false;
	for (; *text; text++)
		if (!g_ascii_isalnum(*text) && !strchr(more, *text))
			return false;
	return true;
}

/* A path below the state directory. */
static bool is_below(const char *path)
{
	return is_plain(path, "._-/") && *path != '/' && !strstr(path, "..");
}

static bool take_connection(const struct actual *actual, struct connection *c, struct error **err)
{
	const struct value *map = value_get_map(actual->outputs, "connection");
	const char *type = value_get_string(map, "type");

	if (!map || g_strcmp0(type, "ssh")) {
		error_set(err, ERROR_FAILED, "it cannot be logged in to by ssh");
		return false;
	}
	c->address = value_get_string(map, "address");
	c->user = value_get_string(map, "user");
	c->identity = value_get_string(map, "identity");
	c->known_hosts = value_get_string(map, "known_hosts");
	c->alias = value_get_string(map, "host_key_alias");
	c->port = value_get_integer(map, "port", 22);
	if (is_plain(c->address, ".:_-") && is_plain(c->user, "._-") && is_below(c->identity) &&
		is_below(c->known_hosts) && is_plain(c->alias, "._-") && c->port > 0 &&
		c->port <= 65535)
		return true;
	error_set(err, ERROR_INTERNAL, "its provider '%s' tells a way in that makes no sense",
		actual->provider);
	return false;
}

static void add(GPtrArray *argv, const char *word)
{
	g_ptr_array_add(argv, g_strdup(word));
}

static void add_option(GPtrArray *argv, const char *format, ...) PRINTF(2, 3);

static void add_option(GPtrArray *argv, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(argv, "-o");
	g_ptr_array_add(argv, g_strdup_vprintf(format, args));
	va_end(args);
}

/* One word is a line for the machine's shell, several are words that shall arrive as they are. */
static char *line_of(const char *const *words)
{
	return words[1] ? quote_words(words) : g_strdup(words[0]);
}

static GPtrArray *argv_of(const struct invocation *i, const struct connection *c)
{
	GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);

	add(argv, "ssh");
	add(argv, "-F");
	add(argv, "none");
	/* Not -i: if that one cannot be read, the user's own keys are tried. */
	add_option(argv, "IdentityFile=%s", c->identity);
	add_option(argv, "IdentitiesOnly=yes");
	add_option(argv, "IdentityAgent=none");
	add_option(argv, "PreferredAuthentications=publickey");
	add_option(argv, "BatchMode=yes");
	add_option(argv, "UserKnownHostsFile=%s", c->known_hosts);
	add_option(argv, "GlobalKnownHostsFile=/dev/null");
	add_option(argv, "StrictHostKeyChecking=yes");
	add_option(argv, "HostKeyAlias=%s", c->alias);
	add_option(argv, "UpdateHostKeys=no");
	add_option(argv, "KexAlgorithms=^curve25519-sha256");
	add_option(argv, "ConnectTimeout=%d", CONNECT_SECONDS);
	/* A machine that starts anew under us does not say so. */
	add_option(argv, "ServerAliveInterval=%d", ALIVE_SECONDS);
	add_option(argv, "ServerAliveCountMax=%d", ALIVE_TIMES);
	add_option(argv, "Port=%" G_GINT64_FORMAT, c->port);
	add_option(argv, "User=%s", c->user);
	if (i->tty)
		add(argv, "-t");
	add(argv, "--");
	add(argv, c->address);
	if (i->words)
		g_ptr_array_add(argv, line_of(i->words));
	g_ptr_array_add(argv, NULL);
	return argv;
}

static void say_line(const char *folder, const GPtrArray *argv)
{
	AUTO(gfree) char *line = quote_words((const char *const *)argv->pdata);
	AUTO(gfree) char *place = quote_word(folder);
	AUTO(gfree) char *all = g_strdup_printf("cd %s && %s", place, line);
	AUTO(gfree) char *shown = text_escape(all, strlen(all));

	output_people("%s\n", shown);
}

static int become(const char *root, const GPtrArray *argv)
{
	AUTO(error) struct error *err = NULL;

	signal(SIGPIPE, SIG_DFL);
	if (chdir(root) < 0) {
		error_set_errno(&err, "cannot enter '%s'", root);
		return output_error(err);
	}
	execvp(argv->pdata[0], (char **)argv->pdata);
	if (errno == ENOENT) {
		error_set(&err, ERROR_MISSING, "there is no program 'ssh' here");
		error_hint(&err, "install openssh-client");
	} else {
		error_set_errno(&err, "cannot start 'ssh'");
	}
	return output_error(err);
}

static bool check_runs(const struct actual *actual, struct error **err)
{
	if (g_strcmp0(value_get_string(actual->fields, "state"), "stopped"))
		return true;
	error_set(err, ERROR_FAILED, "it is stopped");
	error_hint(err, "'provision apply' starts it, unless its file says 'state: stopped'");
	return false;
}

int command_ssh(const struct invocation *i)
{
	struct session *session = session_new();
	AUTO(error) struct error *err = NULL;
	const struct actual *actual = NULL;
	struct connection connection = {0};
	g_autoptr(GPtrArray) argv = NULL;
	AUTO(gfree) char *root = NULL;
	int code = EXIT_DONE;

	if (find_name(session, i, &err) && find_state(session, i, NULL, &err))
		actual = find_machine(session, i, &err);
	if (actual && (!check_runs(actual, &err) || !take_connection(actual, &connection, &err)))
		error_prefix(&err, "machine '%s'", i->operand);
	if (err || !actual)
		code = find_failed(session, i, err);
	else
		argv = argv_of(i, &connection);
	root = session->state ? g_strdup(session->state->root) : NULL;
	/* Before the exec: our providers are no children that ssh would know of. */
	session_free(session);
	if (!argv)
		return code;
	if (i->verbose)
		say_line(root, argv);
	return become(root, argv);
}
