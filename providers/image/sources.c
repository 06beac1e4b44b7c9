/* apt-get indextargets speaks of what is configured and was fetched, in whatever style the files
 * are written. */
#include "sources.h"

#include <string.h>

#include "base/file.h"
#include "base/process.h"

enum { LIMIT = 30000, OS_RELEASE_MOST = 65536 };

/* The fields of one line, in this order. */
enum { URI, CODENAME, COMPONENT, ORIGIN, FIELD_COUNT };

#define TARGET_FORMAT "$(REPO_URI) $(CODENAME) $(COMPONENT) $(ORIGIN)"

/* Those who make the release itself, and their keys as they lie in its images. */
static const struct {
	const char *origin, *keyring;
} origins[] = {
	{"Debian", "/usr/share/keyrings/debian-archive-keyring.gpg"},
	{"Ubuntu", "/usr/share/keyrings/ubuntu-archive-keyring.gpg"},
};

static char *run(const char *const *argv, struct error **err)
{
	static const char *const environment[] = {"LC_ALL=C.UTF-8", NULL};
	const struct process_options options = {
		.stdin_fd = -1, .environment = environment, .dies_with_us = true};
	char *output = NULL;

	return process_run(argv, &options, LIMIT, NULL, NULL, &output, err) ? output : NULL;
}

static const char *keyring_of(const char *origin)
{
	for (size_t i = 0; i < G_N_ELEMENTS(origins); i++)
		if (!strcmp(origins[i].origin, origin))
			return origins[i].keyring;
	return NULL;
}

/* The release itself, its updates and its security updates. */
static bool belongs(const char *codename, const char *release)
{
	size_t length = strlen(release);

	if (strncmp(codename, release, length))
		return false;
	codename += length;
	return !*codename || !strcmp(codename, "-updates") || !strcmp(codename, "-security");
}

static bool plain(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p > '~' || *p == '[' || *p == ']')
			return false;
	return *text != '\0';
}

/* What only this host can reach would be of no use inside a machine. */
static bool usable(char **fields, const char *release)
{
	return g_strv_length(fields) == FIELD_COUNT && keyring_of(fields[ORIGIN]) &&
	       belongs(fields[CODENAME], release) && plain(fields[URI]) &&
	       plain(fields[COMPONENT]) &&
	       (g_str_has_prefix(fields[URI], "http://") ||
		       g_str_has_prefix(fields[URI], "https://"));
}

/* `start` ends with a blank; what follows it are the components. */
static void add_component(GPtrArray *lines, const char *start, const char *component)
{
	AUTO(gfree) char *word = g_strdup_printf(" %s", component);

	for (unsigned i = 0; i < lines->len; i++) {
		char *line = lines->pdata[i];

		if (!g_str_has_prefix(line, start))
			continue;
		if (!g_str_has_suffix(line, word)) {
			lines->pdata[i] = g_strconcat(line, word, NULL);
			g_free(line);
		}
		return;
	}
	g_ptr_array_add(lines, g_strconcat(start, component, NULL));
}

static void add_line(GPtrArray *lines, char **fields)
{
	const char *keyring = keyring_of(fields[ORIGIN]);
	AUTO(gfree)
	char *options =
		file_exists(keyring) ? g_strdup_printf("[signed-by=%s] ", keyring) : g_strdup("");
	AUTO(gfree)
	char *start = g_strdup_printf("deb %s%s %s ", options, fields[URI], fields[CODENAME]);

	add_component(lines, start, fields[COMPONENT]);
}

GPtrArray *sources_pick(const char *targets, const char *release)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
	g_auto(GStrv) all = g_strsplit(targets, "\n", -1);

	for (char **target = all; *target; target++) {
		g_auto(GStrv) fields = g_strsplit(*target, " ", -1);

		if (usable(fields, release))
			add_line(lines, fields);
	}
	return lines;
}

/* Updates of a release whose own archive is not known are no sources. */
static bool has_release(const GPtrArray *lines, const char *release)
{
	AUTO(gfree) char *word = g_strdup_printf(" %s ", release);

	for (unsigned i = 0; i < lines->len; i++)
		if (strstr(lines->pdata[i], word))
			return true;
	return false;
}

GPtrArray *sources_lines(const char *release, struct error **err)
{
	static const char *const argv[] = {
		"apt-get", "indextargets", "--format", TARGET_FORMAT, "Created-By: Packages", NULL};
	AUTO(gfree) char *targets = run(argv, err);
	GPtrArray *lines;

	if (!targets)
		return NULL;
	lines = sources_pick(targets, release);
	if (!has_release(lines, release))
		g_ptr_array_set_size(lines, 0);
	return lines;
}

char *sources_settings(struct error **err)
{
	static const char *const argv[] = {"apt-config", "dump", "--no-empty", "--format",
		"%F \"%v\";%n", "Acquire::http", "Acquire::https", "Acquire::ForceIPv4",
		"Acquire::Retries", "Acquire::Check-Valid-Until", "Acquire::Check-Date", NULL};

	return run(argv, err);
}

char *sources_architecture(struct error **err)
{
	static const char *const argv[] = {"dpkg", "--print-architecture", NULL};
	char *text = run(argv, err);

	return text ? g_strchomp(text) : NULL;
}

char *sources_host_release(struct error **err)
{
	static const char name[] = "VERSION_CODENAME=";
	AUTO(gfree) char *text = NULL;
	g_auto(GStrv) lines = NULL;
	size_t length;

	if (!file_read("/etc/os-release", OS_RELEASE_MOST, &text, &length, err))
		return NULL;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		if (g_str_has_prefix(*line, name) && (*line)[strlen(name)])
			return g_strdup(g_strstrip(g_strdelimit(*line + strlen(name), "\"'", ' ')));
	error_set(err, ERROR_CONFIG, "this host's release has no code name");
	error_hint(err, "say 'release' of the image");
	return NULL;
}
