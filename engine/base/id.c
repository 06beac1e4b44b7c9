/* Random identities and digests. */
#include "base/id.h"

#include <errno.h>
#include <glib.h>
#include <string.h>
#include <sys/random.h>

#include "base/file.h"

char *id_random(void)
{
	unsigned char bytes[16];
	size_t have = 0;
	GString *text = g_string_sized_new(33);

	while (have < sizeof(bytes)) {
		ssize_t n = getrandom(bytes + have, sizeof(bytes) - have, 0);

		if (n < 0 && errno != EINTR)
			abort();
		have += n > 0 ? n : 0;
	}
	for (size_t i = 0; i < sizeof(bytes); i++)
		g_string_append_printf(text, "%02x", bytes[i]);
	return g_string_free(text, FALSE);
}

char *id_digest(const void *data, size_t length)
{
	return g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, length);
}

char *id_boot(void)
{
	AUTO(error) struct error *err = NULL;
	char *text;
	size_t length;

	if (!file_read("/proc/sys/kernel/random/boot_id", 4096, &text, &length, &err))
		return g_strdup("unknown");
	return g_strchomp(text);
}
