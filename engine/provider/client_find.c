/* Where provider programs lie. */
#include "provider/client.h"

#include <string.h>
#include <sys/stat.h>

#include "base/text.h"

static const char prefix[] = "provider-";

static void add_folder(GPtrArray *folders, const char *path)
{
	if (*path)
		g_ptr_array_add(folders, g_strdup(path));
}

/* Wherever PREFIX/bin was put, PREFIX/libexec came along. */
static void add_beside_us(GPtrArray *folders)
{
	static const char *const places[] = {"providers", "../libexec/provision"};
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n > 0) {
		AUTO(gfree) char *folder = NULL;

		path[n] = '\0';
		folder = g_path_get_dirname(path);
		for (size_t i = 0; i < G_N_ELEMENTS(places); i++)
			g_ptr_array_add(folders, g_build_filename(folder, places[i], NULL));
	}
}

static GPtrArray *folders_new(void)
{
	GPtrArray *folders = g_ptr_array_new_with_free_func(g_free);
	const char *path = g_getenv("PROVISION_PROVIDER_PATH");
	char **parts = g_strsplit(path ? path : "", ":", -1);

	for (char **part = parts; *part; part++)
		add_folder(folders, *part);
	g_strfreev(parts);
	add_beside_us(folders);
	add_folder(folders, PROVISION_LIBEXEC);
	return folders;
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static void list_folder(const char *folder, GPtrArray *names)
{
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *file;

	while (dir && (file = g_dir_read_name(dir)) != NULL) {
		AUTO(gfree) char *path = g_build_filename(folder, file, NULL);

		if (g_str_has_prefix(file, prefix) && name_valid(file + strlen(prefix)) &&
			is_program(path))
			g_ptr_array_add(names, g_strdup(file + strlen(prefix)));
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All that there are, in order, each once. Ends with NULL. */
static GPtrArray *names_new(const GPtrArray *folders)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

	for (unsigned i = 0; i < folders->len; i++)
		list_folder(folders->pdata[i], names);
	g_ptr_array_sort(names, by_text);
	for (unsigned i = names->len; i-- > 1;)
		if (!strcmp(names->pdata[i], names->pdata[i - 1]))
			g_ptr_array_remove_index(names, i);
	g_ptr_array_add(names, NULL);
	return names;
}

static void set_missing(const char *name, const GPtrArray *folders, struct error **err)
{
	GPtrArray *names = names_new(folders);
	const char *near = text_suggest(name, (const char *const *)names->pdata);
	AUTO(gfree) char *shown = text_escape(name, strlen(name));

	error_set(err, ERROR_MISSING, "there is no provider '%s'", shown);
	if (near) {
		error_hint(err, "did you mean '%s'?", near);
	} else if (names->len > 1) {
		AUTO(gfree) char *all = g_strjoinv(", ", (char **)names->pdata);

		error_hint(err, "there are: %s", all);
	} else {
		error_hint(err, "no provider is installed: set PROVISION_PROVIDER_PATH");
	}
	g_ptr_array_free(names, TRUE);
}

char *client_find(const char *name, struct error **err)
{
	GPtrArray *folders = folders_new();
	char *found = NULL;

	for (unsigned i = 0; name_valid(name) && !found && i < folders->len; i++) {
		AUTO(gfree) char *file = g_strconcat(prefix, name, NULL);
		char *path = g_build_filename(folders->pdata[i], file, NULL);

		if (is_program(path))
			found = path;
		else
			g_free(path);
	}
	if (!found)
		set_missing(name, folders, err);
	g_ptr_array_free(folders, TRUE);
	return found;
}
