/* Error values. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

static const char *const class_names[] = {
	[ERROR_USAGE] = "usage",
	[ERROR_CONFIG] = "config",
	[ERROR_CONFLICT] = "conflict",
	[ERROR_DENIED] = "denied",
	[ERROR_MISSING] = "missing",
	[ERROR_UNAVAILABLE] = "unavailable",
	[ERROR_TIMEOUT] = "timeout",
	[ERROR_FAILED] = "failed",
	[ERROR_CANCELLED] = "cancelled",
	[ERROR_INTERNAL] = "internal",
};

static void set(struct error **err, enum error_class class, char *message)
{
	g_assert(*err == NULL);
	*err = g_new0(struct error, 1);
	(*err)->class = class;
	(*err)->message = message;
}

void error_set(struct error **err, enum error_class class, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(err, class, g_strdup_vprintf(format, args));
	va_end(args);
}

void error_set_errno(struct error **err, const char *format, ...)
{
	int code = errno;
	enum error_class class = code == EACCES || code == EPERM ? ERROR_DENIED : ERROR_FAILED;
	va_list args;
	AUTO(gfree) char *text = NULL;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	set(err, class, g_strdup_printf("%s: %s", text, strerror(code)));
}

void error_hint(struct error **err, const char *format, ...)
{
	va_list args;

	g_free((*err)->hint);
	va_start(args, format);
	(*err)->hint = g_strdup_vprintf(format, args);
	va_end(args);
}

bool error_prefix(struct error **err, const char *format, ...)
{
	va_list args;
	AUTO(gfree) char *prefix = NULL;
	char *message;

	va_start(args, format);
	prefix = g_strdup_vprintf(format, args);
	va_end(args);
	message = g_strdup_printf("%s: %s", prefix, (*err)->message);
	g_free((*err)->message);
	(*err)->message = message;
	return false;
}

void error_place(struct error **err, const char *file, int line, int column)
{
	g_free((*err)->file);
	(*err)->file = g_strdup(file);
	(*err)->line = line;
	(*err)->column = column;
}

void error_free(struct error *err)
{
	if (!err)
		return;
	g_free(err->message);
	g_free(err->hint);
	g_free(err->file);
	g_free(err);
}

void error_clear(struct error **err)
{
	error_free(*err);
	*err = NULL;
}

const char *error_class_name(enum error_class class)
{
	return class_names[class];
}

enum error_class error_class_parse(const char *name)
{
	for (size_t i = 0; name && i < G_N_ELEMENTS(class_names); i++)
		if (!strcmp(class_names[i], name))
			return i;
	return ERROR_INTERNAL;
}
