/* Settings: what passes here may go into a line of authorized_keys, of tmpfiles.d or of QEMU's
 * arguments, so everything that is not surely harmless is refused. */
#include "settings.h"

#include <string.h>

#include "base/text.h"
#include "overlay.h"

enum { KEY_MOST = 16384, USER_MOST = 32, FORWARDS_MOST = 256 };

static const char *const states[] = {"running", "stopped", NULL};
static const char *const accelerators[] = {"auto", "kvm", "tcg", NULL};
static const struct field text_item = {.type = FIELD_STRING};

const struct field settings_fields[] = {
	{.name = "image",
		.type = FIELD_REFERENCE,
		.refers = "image",
		.required = true,
		.change = CHANGE_REPLACE,
		.doc = "the image that the disk starts as"},
	{.name = "cpus",
		.type = FIELD_INTEGER,
		.change = CHANGE_REBOOT,
		.fallback = "1",
		.least = 1,
		.most = 255,
		.doc = "virtual processors"},
	{.name = "memory",
		.type = FIELD_SIZE,
		.change = CHANGE_REBOOT,
		.fallback = "536870912",
		.least = 16 << 20,
		.most = (int64_t)16 << 40,
		.doc = "main memory, in whole MiB"},
	{.name = "disk",
		.type = FIELD_SIZE,
		.change = CHANGE_LIVE,
		.least = 1 << 20,
		.most = OVERLAY_MOST,
		.doc = "size of the disk, as large as the image if not said; it never shrinks"},
	{.name = "state",
		.type = FIELD_STRING,
		.change = CHANGE_LIVE,
		.fallback = "\"running\"",
		.choices = states,
		.doc = "whether the machine runs"},
	{.name = "user",
		.type = FIELD_STRING,
		.change = CHANGE_REBOOT,
		.fallback = "\"root\"",
		.doc = "whom provision logs in as; made if the machine has no such user"},
	{.name = "keys",
		.type = FIELD_LIST,
		.item = &text_item,
		.change = CHANGE_REBOOT,
		.fallback = "[]",
		.doc = "further SSH public keys that may log in as the user"},
	{.name = "ports",
		.type = FIELD_LIST,
		.item = &text_item,
		.change = CHANGE_LIVE,
		.fallback = "[]",
		.doc = "ports of this host's loopback address that lead into the machine, "
		       "HOST:GUEST/tcp; GUEST alone takes any free one"},
	{.name = "accelerator",
		.type = FIELD_STRING,
		.change = CHANGE_REBOOT,
		.fallback = "\"auto\"",
		.choices = accelerators,
		.doc = "kvm, tcg (software), or auto: kvm where a guest really runs on it"},
	{.name = "address",
		.type = FIELD_STRING,
		.computed = true,
		.host_only = true,
		.doc = "where this host reaches the machine"},
	{.name = "ssh_port",
		.type = FIELD_INTEGER,
		.computed = true,
		.host_only = true,
		.doc = "port of this host that leads to the machine's SSH server"},
	{.name = "connection",
		.type = FIELD_MAP,
		.computed = true,
		.host_only = true,
		.doc = "how to log in"},
	{.name = "host_ports",
		.type = FIELD_MAP,
		.computed = true,
		.host_only = true,
		.doc = "port of this host for each port of the machine in `ports`"},
	{.name = "console",
		.type = FIELD_STRING,
		.computed = true,
		.host_only = true,
		.doc = "unix socket of the serial console, below the state directory"},
	{.name = "console_log",
		.type = FIELD_STRING,
		.computed = true,
		.host_only = true,
		.doc = "what the serial console said since the machine started"},
	{.name = "accelerator_used",
		.type = FIELD_STRING,
		.computed = true,
		.doc = "kvm or tcg, and why"},
	{.name = NULL},
};

static bool user_valid(const char *user)
{
	size_t length = strlen(user);

	if (length == 0 || length > USER_MOST || !(g_ascii_islower(*user) || *user == '_'))
		return false;
	for (const char *p = user; *p; p++)
		if (!g_ascii_islower(*p) && !g_ascii_isdigit(*p) && *p != '_' && *p != '-')
			return false;
	return true;
}

/* TYPE BASE64 [COMMENT], on one line, without options before it. */
static bool key_valid(const char *key)
{
	static const char *const types[] = {"ssh-", "ecdsa-", "sk-", NULL};
	const char *p = key;
	bool known = false;
	size_t digits;

	for (int i = 0; types[i]; i++)
		known = known || g_str_has_prefix(key, types[i]);
	while (g_ascii_isalnum(*p) || *p == '-' || *p == '@' || *p == '.')
		p++;
	if (!known || *p++ != ' ' || strlen(key) > KEY_MOST || !g_utf8_validate(key, -1, NULL))
		return false;
	digits = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");
	if (digits < 32 || (p[digits] && p[digits] != ' '))
		return false;
	for (p += digits; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return true;
}

static bool keys_check(const struct value *keys, struct error **err)
{
	for (size_t i = 0; i < keys->list.count; i++) {
		const struct value *key = keys->list.items[i];

		if (key->type == VALUE_STRING && strlen(key->text.bytes) == key->text.length &&
			key_valid(key->text.bytes))
			continue;
		error_set(err, ERROR_CONFIG, "keys: entry %zu is no SSH public key", i + 1);
		error_hint(err, "write the text of the .pub file: its type, its base64, a comment");
		return false;
	}
	return true;
}

static bool clashes(const struct settings *s, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (s->forwards[i].host && s->forwards[i].host == s->forwards[at].host &&
			s->forwards[i].udp == s->forwards[at].udp)
			return true;
	return false;
}

static bool ports_parse(struct arena *arena, struct settings *s, struct error **err)
{
	s->forward_count = s->ports->list.count;
	s->forwards = arena_array_of(arena, struct forward, s->forward_count + 1);
	if (s->forward_count > FORWARDS_MOST) {
		error_set(err, ERROR_CONFIG, "ports: more than %d", FORWARDS_MOST);
		return false;
	}
	for (size_t i = 0; i < s->forward_count; i++) {
		const struct value *port = s->ports->list.items[i];

		if (port->type != VALUE_STRING) {
			error_set(err, ERROR_CONFIG, "ports: entry %zu is %s", i + 1,
				value_type_name(port->type));
			return false;
		}
		if (!forward_parse(port->text.bytes, &s->forwards[i], err))
			return error_prefix(err, "ports");
		if (clashes(s, i)) {
			error_set(err, ERROR_CONFIG, "ports: host port %d is there twice",
				s->forwards[i].host);
			return false;
		}
	}
	return true;
}

static const struct value *list_of(struct arena *arena, const struct value *map, const char *name)
{
	const struct value *list = value_get_list(map, name);

	return list ? list : value_list(arena);
}

static bool check(const struct settings *s, struct error **err)
{
	if (!s->image || !*s->image || strchr(s->image, '/') || *s->image == '.')
		error_set(err, ERROR_CONFIG, "image: no key of an image");
	else if (s->cpus < 1 || s->cpus > 255)
		error_set(err, ERROR_CONFIG, "cpus: %" G_GINT64_FORMAT " is not from 1 to 255",
			s->cpus);
	else if (s->memory < 16 << 20 || s->memory % (1 << 20))
		error_set(err, ERROR_CONFIG, "memory: not a whole number of MiB, 16MiB at least");
	else if (s->disk < 0 || s->disk > OVERLAY_MOST || s->disk % 512)
		error_set(err, ERROR_CONFIG,
			"disk: not a whole number of sectors of 512 bytes, 4TiB at most");
	else if (!user_valid(s->user))
		error_set(err, ERROR_CONFIG, "user: no valid name of a user");
	else if (!g_strv_contains(accelerators, s->accelerator))
		error_set(err, ERROR_CONFIG, "accelerator: neither auto, kvm nor tcg");
	else
		return true;
	return false;
}

static const char *text_or(const struct value *map, const char *name, const char *fallback)
{
	const char *text = value_get_string(map, name);

	return text ? text : fallback;
}

bool settings_parse(
	struct arena *arena, const struct value *map, struct settings *settings, struct error **err)
{
	*settings = (struct settings){
		.image = value_get_string(map, "image"),
		.cpus = value_get_integer(map, "cpus", 1),
		.memory = value_get_integer(map, "memory", 512 << 20),
		.disk = value_get_integer(map, "disk", 0),
		.running = strcmp(text_or(map, "state", "running"), "stopped") != 0,
		.user = text_or(map, "user", "root"),
		.accelerator = text_or(map, "accelerator", "auto"),
		.keys = list_of(arena, map, "keys"),
		.ports = list_of(arena, map, "ports"),
	};
	return check(settings, err) && keys_check(settings->keys, err) &&
	       ports_parse(arena, settings, err);
}

bool settings_check_said(struct arena *arena, const struct value *said, struct error **err)
{
	struct value *known = value_map(arena);
	struct settings settings;

	for (size_t i = 0; said && i < said->map.count; i++)
		if (said->map.members[i].value->type != VALUE_UNKNOWN)
			value_set(
				arena, known, said->map.members[i].key, said->map.members[i].value);
	value_set(arena, known, "image", value_string(arena, "known-later"));
	return settings_parse(arena, known, &settings, err);
}

struct value *settings_format(struct arena *arena, const struct settings *s)
{
	struct value *map = value_map(arena);

	value_set(arena, map, "image", value_string(arena, s->image));
	value_set(arena, map, "cpus", value_integer(arena, s->cpus));
	value_set(arena, map, "memory", value_integer(arena, s->memory));
	if (s->disk)
		value_set(arena, map, "disk", value_integer(arena, s->disk));
	value_set(arena, map, "state", value_string(arena, s->running ? "running" : "stopped"));
	value_set(arena, map, "user", value_string(arena, s->user));
	value_set(arena, map, "keys", (struct value *)s->keys);
	value_set(arena, map, "ports", (struct value *)s->ports);
	value_set(arena, map, "accelerator", value_string(arena, s->accelerator));
	return map;
}

bool settings_need_restart(const struct settings *from, const struct settings *to)
{
	return from->cpus != to->cpus || from->memory != to->memory ||
	       strcmp(from->user, to->user) || strcmp(from->accelerator, to->accelerator) ||
	       !value_equal(from->keys, to->keys);
}
