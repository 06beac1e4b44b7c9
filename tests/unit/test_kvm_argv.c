/* kvm: golden cases of QEMU's arguments, the files of tests/argv: a line of JSON, "---", then one
 * option of QEMU on each line. With UPDATE=1 the cases are written anew. */
#include <string.h>

#include "base/file.h"
#include "document/json.h"
#include "kvm/argv.h"

enum { CASE_MOST = 65536 };

static const int credential_fds[] = {20, 21, 22, 23};

static struct argv fill(struct arena *arena, const struct value *map)
{
	const struct value *ports = value_get_list(map, "ports");
	struct argv a = {
		.binary = "qemu-system-x86_64",
		.label = "shop/web-1",
		.uuid = "00112233-4455-6677-8899-aabbccddeeff",
		.mac = "52:54:00:12:34:56",
		.cpus = value_get_integer(map, "cpus", 1),
		.memory = value_get_integer(map, "memory", 512 << 20),
		.kvm = value_get_boolean(map, "kvm", false),
		.base_format = value_get_string(map, "base"),
		.base_fd = 10,
		.overlay_fd = value_get_boolean(map, "disk", false) ? 11 : -1,
		.kernel_fd = value_get_boolean(map, "kernel", false) ? 12 : -1,
		.initrd_fd = value_get_boolean(map, "initrd", false) ? 13 : -1,
		.cmdline = value_get_string(map, "cmdline"),
		.credential_fds = credential_fds,
		.credential_count = (size_t)value_get_integer(map, "credentials", 0),
		.qmp_fd = 14,
		.console_fd = 15,
		.console_log_fd = 16,
		.ssh_port = (int)value_get_integer(map, "ssh_port", 0),
	};
	struct forward *forwards = arena_array_of(arena, struct forward, 8);

	for (size_t i = 0; ports && i < ports->list.count; i++) {
		AUTO(error) struct error *err = NULL;

		g_assert_true(forward_parse(
			ports->list.items[i]->text.bytes, &forwards[a.forward_count++], &err));
	}
	a.forwards = forwards;
	return a;
}

static char *format(const struct argv *a)
{
	GPtrArray *args = argv_format(a);
	GString *text = g_string_new(args->pdata[0]);

	for (unsigned i = 1; i + 1 < args->len; i++) {
		const char *arg = args->pdata[i];

		g_string_append_printf(text, "%c%s", *arg == '-' ? '\n' : ' ', arg);
	}
	g_assert_null(args->pdata[args->len - 1]);
	g_string_append_c(text, '\n');
	g_ptr_array_free(args, TRUE);
	return g_string_free(text, FALSE);
}

static void test_case(const void *data)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	const char *path = data, *rest;
	AUTO(gfree) char *text = NULL;
	AUTO(gfree) char *got = NULL;
	struct argv a;
	size_t length;

	g_assert_true(file_read(path, CASE_MOST, &text, &length, &err));
	rest = strstr(text, "\n---\n");
	g_assert_nonnull(rest);
	a = fill(arena, json_parse(arena, text, rest - text, &err));
	g_assert_null(err);
	got = format(&a);
	if (g_getenv("UPDATE")) {
		AUTO(gfree)
		char *whole = g_strdup_printf("%.*s\n---\n%s", (int)(rest - text), text, got);

		g_assert_true(file_write(path, whole, strlen(whole), 0644, &err));
		return;
	}
	g_assert_cmpstr(got, ==, rest + strlen("\n---\n"));
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The tests run in the checkout. */
static GPtrArray *cases(void)
{
	GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
	AUTO(dir) DIR *dir = opendir("tests/argv");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
		if (g_str_has_suffix(entry->d_name, ".txt"))
			g_ptr_array_add(paths, g_build_filename("tests/argv", entry->d_name, NULL));
	g_assert_cmpuint(paths->len, >, 0);
	qsort(paths->pdata, paths->len, sizeof(void *), by_text);
	return paths;
}

int main(int argc, char **argv)
{
	GPtrArray *paths;
	int code;

	g_test_init(&argc, &argv, NULL);
	paths = cases();
	for (unsigned i = 0; i < paths->len; i++) {
		AUTO(gfree) char *name = g_strdup_printf("/kvm/argv/%s", (char *)paths->pdata[i]);

		for (char *p = name + strlen("/kvm/argv/"); *p; p++)
			if (*p == '/')
				*p = ' ';
		g_test_add_data_func(name, paths->pdata[i], test_case);
	}
	code = g_test_run();
	g_ptr_array_free(paths, TRUE);
	return code;
}
