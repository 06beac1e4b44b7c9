/* Each entry is a header of 8-digit hexadecimal numbers, the name, and the data, both filled up to
 * 4 bytes. */
#include "cpio.h"

#include <string.h>
#include <sys/stat.h>

enum { FILL = 4 };

static void align(GString *archive)
{
	while (archive->len % FILL)
		g_string_append_c(archive, '\0');
}

static void header(GString *archive, const char *path, mode_t mode, size_t length, unsigned major,
	unsigned minor)
{
	/* Inode, mode, owner, group, links, time, size, device of it, device it is, name, sum. An
	 * inode of 0 is never taken for a hard link. */
	const unsigned long fields[] = {0, mode, 0, 0, S_ISDIR(mode) ? 2 : 1, 0, length, 0, 0,
		major, minor, strlen(path) + 1, 0};

	g_string_append(archive, "070701");
	for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
		g_string_append_printf(archive, "%08lX", fields[i]);
	g_string_append_len(archive, path, strlen(path) + 1);
	align(archive);
}

void cpio_add(GString *archive, const char *path, mode_t mode, const void *data, size_t length)
{
	header(archive, path, mode, length, 0, 0);
	if (length)
		g_string_append_len(archive, data, length);
	align(archive);
}

void cpio_add_device(
	GString *archive, const char *path, mode_t mode, unsigned major, unsigned minor)
{
	header(archive, path, mode, 0, major, minor);
}

void cpio_end(GString *archive)
{
	header(archive, "TRAILER!!!", 0, 0, 0, 0);
}
