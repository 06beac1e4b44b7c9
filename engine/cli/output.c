/* Written at once, whole: nothing is left in a buffer when the process ends. */
#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "base/text.h"

/* The error of the first piece of data that was lost. */
static int lost;

void output_open(void)
{
	/* What takes the place of a closed one cannot be used either, but for messages: those may
	 * vanish. */
	static const int modes[] = {O_RDONLY, O_RDONLY, O_RDWR};

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) < 0)
			_exit(EXIT_FAILED);
	signal(SIGPIPE, SIG_IGN);
}

/* Somebody who shares the descriptor may have made it non-blocking. */
static bool write_all(int fd, const char *text, size_t length)
{
	while (length) {
		ssize_t n = write(fd, text, length);

		if (n < 0 && errno == EAGAIN)
			poll(&(struct pollfd){fd, POLLOUT, 0}, 1, -1);
		else if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			text += n;
			length -= n;
		}
	}
	return true;
}

bool output_data_bytes(const char *bytes, size_t length)
{
	if (!lost && !write_all(STDOUT_FILENO, bytes, length))
		lost = errno;
	return !lost;
}

void output_data(const char *text)
{
	output_data_bytes(text, strlen(text));
}

void output_people_text(const char *text)
{
	(void)!write_all(STDERR_FILENO, text, strlen(text));
}

void output_people(const char *format, ...)
{
	AUTO(gfree) char *text = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	output_people_text(text);
}

char *output_escape(const char *text)
{
	return text_escape_lines(text, strlen(text));
}

void output_warning(const char *format, ...)
{
	AUTO(gfree) char *text = NULL;
	AUTO(gfree) char *shown = NULL;
	va_list args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	shown = output_escape(text);
	output_people("provision: warning: %s\n", shown);
}

void output_indent(GString *into, const char *text, int blanks)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		g_string_append_printf(into, "%*s%.*s\n", blanks, "", (int)length, text);
		text += length + (text[length] == '\n');
	}
}

int output_code(enum error_class class)
{
	switch (class) {
	case ERROR_USAGE:
		return EXIT_WRONG_USAGE;
	case ERROR_CONFIG:
		return EXIT_WRONG_FILE;
	case ERROR_MISSING:
		return EXIT_LACKING;
	case ERROR_UNAVAILABLE:
	case ERROR_TIMEOUT:
		return EXIT_UNREACHABLE;
	default:
		return EXIT_FAILED;
	}
}

int output_error(const struct error *err)
{
	AUTO(gfree) char *message = output_escape(err->message);
	AUTO(gfree) char *hint = err->hint ? output_escape(err->hint) : NULL;
	GString *text = g_string_new("provision: error: ");

	if (err->file)
		g_string_append_printf(text, "%s:%d:%d: ", err->file, err->line, err->column);
	g_string_append_printf(text, "%s\n", message);
	if (hint)
		output_indent(text, hint, 2);
	output_people_text(text->str);
	g_string_free(text, TRUE);
	return output_code(err->class);
}

int output_close(int code)
{
	AUTO(error) struct error *err = NULL;

	if (!lost)
		return code;
	/* Whoever has read enough, such as head, knows that there was more. */
	if (lost != EPIPE) {
		errno = lost;
		error_set_errno(&err, "cannot write to standard output");
		output_error(err);
	}
	return code == EXIT_DONE || code == EXIT_CHANGES ? EXIT_FAILED : code;
}
