/* Reads YAML files and says for each what became of it, on one line: what tests/yaml/run.sh
 * compares with its list. Beside a file `in.yaml` the public test suite puts `in.json`, what it
 * means, or `error`, when it is wrong. The name of a file is said before it is read, so that a
 * crash or a hang tells where. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "document/json.h"
#include "document/yaml.h"

enum { SECONDS = 10 };

static bool beside(const char *path, const char *name, char **text, size_t *length)
{
	AUTO(gfree) char *folder = g_path_get_dirname(path);
	AUTO(gfree) char *other = g_build_filename(folder, name, NULL);
	AUTO(error) struct error *err = NULL;

	return file_read(other, SOURCE_MOST, text, length, &err);
}

static const char *compare(struct arena *arena, const char *path, const struct value *value)
{
	AUTO(error) struct error *err = NULL;
	AUTO(gfree) char *text = NULL;
	const struct value *meant;
	size_t length;

	if (beside(path, "error", &text, &length))
		return "accepted though wrong";
	if (!beside(path, "in.json", &text, &length))
		return "accepted";
	meant = json_parse(arena, text, length, &err);
	if (!meant)
		return "accepted, meaning unknown";
	return value_equal(meant, value) ? "equal" : "different";
}

/* The first line of the first error, which must have a place. */
static void say_refused(const char *path, struct diagnostics *diagnostics)
{
	AUTO(gfree) char *text = diagnostics_format(diagnostics, false);
	const char *message = strstr(text, ": error: ");
	AUTO(gfree) char *name = g_strdup_printf("%s:", path), *wrong = NULL;
	int line = 0, column = 0;
	size_t length;

	if (g_str_has_prefix(text, name))
		(void)sscanf(text + strlen(name), "%d:%d:", &line, &column);
	if (line < 1 || column < 1 || !message)
		printf(" no place: %s\n", text);
	else
		printf(" %s: %.*s\n",
			beside(path, "error", &wrong, &length) ? "refused" : "refused though valid",
			(int)strcspn(message + 9, "\n"), message + 9);
}

static void try(const char *path)
{
	AUTO(diagnostics) struct diagnostics *diagnostics = diagnostics_new();
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	const struct source *source = source_load(arena, path, &err);
	const struct value *value;

	printf("%s:", path);
	fflush(stdout);
	if (!source) {
		printf(" cannot be read: %s\n", err->message);
		return;
	}
	value = yaml_parse(arena, source, diagnostics);
	if (diagnostics_count(diagnostics))
		say_refused(path, diagnostics);
	else if (value)
		printf(" %s\n", compare(arena, path, value));
	else
		printf(" neither value nor error\n");
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		alarm(SECONDS);
		try(argv[i]);
	}
	return 0;
}
