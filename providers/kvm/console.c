/* The end of a log is cut into lines; escape sequences go, whatever else is odd is shown as such.
 */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/text.h"

static const char panic[] = "Kernel panic - not syncing";

enum {
	TAIL_BYTES = 16384,
	PANIC_BYTES = 8192,
	LINE_MOST = 160,
	CHUNK = 65536,
	CHUNKS_MOST = 1024,
	ESCAPE = 0x1b,
};

/* Behind an escape sequence: CSI up to its final byte, OSC up to BEL or ST, else two bytes. */
static const char *skip_escape(const char *p, const char *end)
{
	char kind = p + 1 < end ? p[1] : '\0';

	p = MIN(p + 2, end);
	if (kind == '[')
		while (p < end && !(*p >= '@' && *p <= '~'))
			p++;
	else if (kind == ']')
		while (p < end && *p != '\a' && *p != ESCAPE)
			p++;
	else
		return p;
	return MIN(p + 1, end);
}

static void add_line(GPtrArray *lines, GString *line)
{
	g_strchomp(line->str);
	line->len = strlen(line->str);
	if (line->len > LINE_MOST)
		g_string_truncate(line, LINE_MOST);
	if (line->len)
		g_ptr_array_add(lines, text_escape(line->str, line->len));
	g_string_truncate(line, 0);
}

static GPtrArray *split(const char *p, const char *end)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
	GString *line = g_string_new(NULL);

	while (p < end) {
		if (*p == ESCAPE) {
			p = skip_escape(p, end);
			continue;
		}
		if (*p == '\n' || *p == '\r')
			add_line(lines, line);
		else if (*p)
			g_string_append_c(line, *p);
		p++;
	}
	add_line(lines, line);
	g_string_free(line, TRUE);
	return lines;
}

static ssize_t read_tail(const char *path, char *buffer)
{
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);

	return fd < 0 ? 0 : pread(fd, buffer, TAIL_BYTES, MAX(0, size - TAIL_BYTES));
}

const char *console_tail(
	struct arena *arena, const struct machine *m, const char *name, unsigned count)
{
	AUTO(gfree) char *buffer = g_malloc(TAIL_BYTES);
	AUTO(gfree) char *text = NULL;
	ssize_t length = read_tail(machine_path(arena, m, name), buffer);
	GPtrArray *lines = split(buffer, buffer + MAX(0, length));
	unsigned from = lines->len > count ? lines->len - count : 0;

	g_ptr_array_add(lines, NULL);
	text = g_strjoinv("\n", (char **)lines->pdata + from);
	g_ptr_array_free(lines, TRUE);
	return arena_strdup(arena, text);
}

bool console_panicked(const struct machine *m, int64_t *size)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(fd)
	int fd = open(machine_path(arena, m, "console.log"), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char tail[PANIC_BYTES];
	int64_t before = *size;
	ssize_t n;

	*size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	if (*size <= 0 || *size != before)
		return false;
	n = pread(fd, tail, sizeof(tail), MAX(0, *size - PANIC_BYTES));
	return n > 0 && memmem(tail, n, panic, strlen(panic));
}

bool console_find(const struct machine *m, const char *text, int64_t *from, struct error **err)
{
	AUTO(arena) struct arena *arena = arena_new();
	const char *path = machine_path(arena, m, "console.log");
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	AUTO(gfree) char *buffer = g_malloc(CHUNK);
	size_t length = strlen(text);
	ssize_t n;

	if (fd < 0) {
		error_set_errno(err, "cannot open '%s'", path);
		return false;
	}
	/* The text may lie across two reads: the next begins a little before the end of this.
	 * However much the guest has said, one look has an end. */
	for (int i = 0; i < CHUNKS_MOST; i++) {
		n = pread(fd, buffer, CHUNK, *from);
		if (n < (ssize_t)length)
			break;
		if (memmem(buffer, n, text, length))
			return true;
		*from += n - (ssize_t)length + 1;
		if (n < CHUNK)
			break;
	}
	return false;
}
