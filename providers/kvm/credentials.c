/* systemd-tmpfiles writes the files and systemd-sysusers makes the user, both before the SSH server
 * starts. All contents are base64, so no key can add a line of its own. */
#include "credentials.h"

#include <string.h>

/* The whole SMBIOS table has 64 KiB. */
enum { CREDENTIALS_MOST = 48 * 1024 };

static char *encode(const char *text)
{
	return g_base64_encode((const unsigned char *)text, strlen(text));
}

static void tmpfile_add(
	GString *lines, const char *path, const char *mode, const char *owner, const char *content)
{
	AUTO(gfree) char *encoded = encode(content);

	g_string_append_printf(lines, "f+~ %s %s %s %s - %s\n", path, mode, owner, owner, encoded);
}

static char *authorized_keys(const struct credentials *c)
{
	GString *lines = g_string_new(NULL);

	g_string_append(lines, c->login_key);
	if (lines->len && lines->str[lines->len - 1] != '\n')
		g_string_append_c(lines, '\n');
	for (size_t i = 0; i < c->keys->list.count; i++)
		g_string_append_printf(lines, "%s\n", c->keys->list.items[i]->text.bytes);
	return g_string_free(lines, FALSE);
}

static char *tmpfiles(const struct credentials *c)
{
	bool root = !strcmp(c->user, "root");
	AUTO(gfree) char *home = root ? g_strdup("/root") : g_strdup_printf("/home/%s", c->user);
	AUTO(gfree) char *ssh = g_strdup_printf("%s/.ssh", home);
	AUTO(gfree) char *file = g_strdup_printf("%s/authorized_keys", ssh);
	AUTO(gfree) char *keys = authorized_keys(c);
	AUTO(gfree) char *sudo = g_strdup_printf("%s ALL=(ALL) NOPASSWD: ALL\n", c->user);
	AUTO(gfree) char *host_public = g_strdup_printf("%s\n", c->host_key_public);
	AUTO(gfree) char *sudoers = g_strdup_printf("/etc/sudoers.d/90-%s", c->user);
	GString *lines = g_string_new(NULL);

	if (!root) {
		g_string_append_printf(lines, "d %s 0755 %s %s\n", home, c->user, c->user);
		tmpfile_add(lines, sudoers, "0440", "root", sudo);
	}
	g_string_append_printf(lines, "d %s 0700 %s %s\n", ssh, c->user, c->user);
	tmpfile_add(lines, file, "0600", c->user, keys);
	tmpfile_add(lines, "/etc/ssh/ssh_host_ed25519_key", "0600", "root", c->host_key);
	tmpfile_add(lines, "/etc/ssh/ssh_host_ed25519_key.pub", "0644", "root", host_public);
	return g_string_free(lines, FALSE);
}

static void credential_add(GPtrArray *strings, const char *name, const char *content)
{
	AUTO(gfree) char *encoded = encode(content);

	g_ptr_array_add(
		strings, g_strdup_printf("io.systemd.credential.binary:%s=%s", name, encoded));
}

GPtrArray *credentials_format(const struct credentials *c, struct error **err)
{
	GPtrArray *strings = g_ptr_array_new_with_free_func(g_free);
	AUTO(gfree) char *files = tmpfiles(c);
	size_t length = 0;

	if (strcmp(c->user, "root")) {
		AUTO(gfree)
		char *user = g_strdup_printf(
			"u %s - \"%s\" /home/%s /bin/bash\n", c->user, c->user, c->user);

		credential_add(strings, "sysusers.extra", user);
	}
	credential_add(strings, "tmpfiles.extra", files);
	for (unsigned i = 0; i < strings->len; i++)
		length += strlen(strings->pdata[i]);
	if (length <= CREDENTIALS_MOST)
		return strings;
	g_ptr_array_free(strings, TRUE);
	error_set(err, ERROR_CONFIG, "keys: more than a machine can be handed at its start");
	error_hint(err, "put some of them into the machine as a file");
	return NULL;
}
