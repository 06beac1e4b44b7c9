/* kvm: the qcow2 file that is written by ourselves, judged by qemu-img. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/process.h"
#include "document/json.h"
#include "kvm/overlay.h"

static const int64_t mib = 1 << 20;

/* A folder with a raw image of 3 MiB under the name "base". */
static char *enter(void)
{
	char *folder = g_dir_make_tmp("test-kvm-XXXXXX", NULL);
	AUTO(gfree) char *base = g_build_filename(folder, "base", NULL);
	AUTO(fd) int fd = open(base, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char block[512];

	g_assert_cmpint(ftruncate(fd, 3 * mib), ==, 0);
	memset(block, 0x42, sizeof(block));
	g_assert_cmpint(pwrite(fd, block, sizeof(block), mib), ==, sizeof(block));
	return folder;
}

static void leave(char *folder)
{
	AUTO(error) struct error *err = NULL;

	g_assert_true(tree_remove(folder, &err));
	g_free(folder);
}

static bool have_qemu_img(void)
{
	AUTO(gfree) char *path = g_find_program_in_path("qemu-img");

	if (!path)
		g_test_skip("there is no qemu-img");
	return path != NULL;
}

/* The output of qemu-img; the test fails when it does. */
static char *qemu_img(const char *folder, const char *const *argv)
{
	AUTO(error) struct error *err = NULL;
	struct process_options options = {.stdin_fd = -1, .folder = folder};
	char *output = NULL;

	if (!process_run(argv, &options, 20000, NULL, NULL, &output, &err))
		g_test_message("%s: %s", err->message, err->hint ? err->hint : "");
	g_assert_null(err);
	return output;
}

static void check_sound(const char *folder)
{
	const char *argv[] = {"qemu-img", "check", "-q", "-f", "qcow2", "disk", NULL};
	AUTO(gfree) char *output = qemu_img(folder, argv);

	g_assert_cmpstr(output, ==, "");
}

static int64_t virtual_size(struct arena *arena, const char *folder, const char **backing)
{
	const char *argv[] = {"qemu-img", "info", "--output=json", "-f", "qcow2", "disk", NULL};
	AUTO(gfree) char *output = qemu_img(folder, argv);
	AUTO(error) struct error *err = NULL;
	const struct value *info = json_parse(arena, output, strlen(output), &err);

	g_assert_nonnull(info);
	*backing = value_get_string(info, "backing-filename");
	if (*backing)
		g_assert_cmpstr(value_get_string(info, "backing-filename-format"), ==, "raw");
	return value_get_integer(info, "virtual-size", -1);
}

static void test_create(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	char *folder = enter();
	AUTO(gfree) char *path = g_build_filename(folder, "disk", NULL);
	const char *backing;

	g_assert_true(overlay_create(path, "base", "raw", 64 * mib, &err));
	g_assert_cmpint(overlay_size(path, &err), ==, 64 * mib);
	if (have_qemu_img()) {
		check_sound(folder);
		g_assert_cmpint(virtual_size(arena, folder, &backing), ==, 64 * mib);
		g_assert_cmpstr(backing, ==, "base");
	}
	leave(folder);
}

/* What the base holds is seen through it, and what is written comes back. */
static void test_content(void)
{
	const char *read_base[] = {
		"qemu-io", "-f", "qcow2", "-c", "read -P 0x42 1M 512", "disk", NULL};
	const char *write[] = {
		"qemu-io", "-f", "qcow2", "-c", "write -P 0x5a 60M 1M", "disk", NULL};
	const char *read_back[] = {
		"qemu-io", "-f", "qcow2", "-c", "read -P 0x5a 60M 1M", "disk", NULL};
	AUTO(error) struct error *err = NULL;
	char *folder = enter();
	AUTO(gfree) char *path = g_build_filename(folder, "disk", NULL);
	AUTO(gfree) char *text = NULL;
	AUTO(gfree) char *written = NULL;
	AUTO(gfree) char *back = NULL;

	g_assert_true(overlay_create(path, "base", "raw", 64 * mib, &err));
	if (have_qemu_img()) {
		text = qemu_img(folder, read_base);
		g_assert_nonnull(strstr(text, "read 512/512"));
		g_assert_null(strstr(text, "verification failed"));
		written = qemu_img(folder, write);
		back = qemu_img(folder, read_back);
		g_assert_null(strstr(back, "verification failed"));
		check_sound(folder);
	}
	leave(folder);
}

static void test_blank(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	char *folder = enter();
	AUTO(gfree) char *path = g_build_filename(folder, "disk", NULL);
	const char *backing;

	g_assert_true(overlay_create(path, NULL, NULL, 8 * mib, &err));
	if (have_qemu_img()) {
		check_sound(folder);
		g_assert_cmpint(virtual_size(arena, folder, &backing), ==, 8 * mib);
		g_assert_null(backing);
	}
	leave(folder);
}

static void test_grow(void)
{
	AUTO(arena) struct arena *arena = arena_new();
	AUTO(error) struct error *err = NULL;
	char *folder = enter();
	AUTO(gfree) char *path = g_build_filename(folder, "disk", NULL);
	const char *backing;

	g_assert_true(overlay_create(path, "base", "raw", 4 * mib, &err));
	g_assert_true(overlay_grow(path, OVERLAY_MOST, &err));
	g_assert_cmpint(overlay_size(path, &err), ==, OVERLAY_MOST);
	if (have_qemu_img()) {
		check_sound(folder);
		g_assert_cmpint(virtual_size(arena, folder, &backing), ==, OVERLAY_MOST);
	}
	g_assert_false(overlay_grow(path, 4 * mib, &err));
	g_assert_cmpint(err->class, ==, ERROR_CONFIG);
	error_clear(&err);
	g_assert_false(overlay_grow(path, OVERLAY_MOST + 512, &err));
	leave(folder);
}

static void test_refusals(void)
{
	AUTO(error) struct error *err = NULL;
	char *folder = enter();
	AUTO(gfree) char *path = g_build_filename(folder, "disk", NULL);
	AUTO(gfree) char *base = g_build_filename(folder, "base", NULL);
	static const int64_t sizes[] = {0, -512, 513, OVERLAY_MOST + 512};

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		g_assert_false(overlay_create(path, "base", "raw", sizes[i], &err));
		error_clear(&err);
		g_assert_false(file_exists(path));
	}
	g_assert_cmpint(overlay_size(base, &err), ==, -1);
	error_clear(&err);
	g_assert_cmpint(overlay_size(path, &err), ==, -1);
	error_clear(&err);
	g_assert_true(overlay_create(path, "base", "raw", mib, &err));
	g_assert_false(overlay_create(path, "base", "raw", mib, &err));
	leave(folder);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvm/overlay/create", test_create);
	g_test_add_func("/kvm/overlay/content", test_content);
	g_test_add_func("/kvm/overlay/blank", test_blank);
	g_test_add_func("/kvm/overlay/grow", test_grow);
	g_test_add_func("/kvm/overlay/refusals", test_refusals);
	return g_test_run();
}
