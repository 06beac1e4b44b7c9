/* The store of images: what is written is read back, and what is damaged is not believed. */
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "common/store.h"
#include "document/json.h"

#define KEY "sha256-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "sha256-ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

struct fixture {
	struct arena *arena;
	char *state;
};

static void set_up(struct fixture *f, const void *data)
{
	(void)data;
	f->arena = arena_new();
	f->state = g_dir_make_tmp("store.XXXXXX", NULL);
}

static void tear_down(struct fixture *f, const void *data)
{
	struct error *err = NULL;

	(void)data;
	g_assert_true(tree_remove(f->state, &err));
	g_free(f->state);
	arena_free(f->arena);
}

static struct store_image example(struct arena *arena)
{
	return (struct store_image){
		.key = KEY,
		.digest = DIGEST,
		.incarnation = "1",
		.disk_format = "raw",
		.disk_size = 4096,
		.kernel = true,
		.initrd = true,
		.cmdline = "root=/dev/vda",
		.login = true,
		.definition = value_map(arena),
	};
}

static void put(struct fixture *f, const char *name, const char *text)
{
	const char *path = store_path(f->arena, f->state, KEY, name);
	AUTO(gfree) char *folder = g_path_get_dirname(path);
	struct error *err = NULL;

	g_assert_true(dir_make(folder, &err));
	g_assert_true(file_write(path, text, strlen(text), 0600, &err));
}

static void put_image(struct fixture *f, const struct store_image *image)
{
	AUTO(gfree) char *text = json_format(store_format(f->arena, image));

	put(f, "image.json", text);
	put(f, "disk", "disk");
	put(f, "kernel", "kernel");
	put(f, "initrd", "initrd");
}

static void expect_refused(
	struct fixture *f, const char *key, enum error_class class, const char *pattern)
{
	AUTO(error) struct error *err = NULL;
	struct store_image image;

	g_assert_false(store_load(f->arena, f->state, key, &image, &err));
	g_assert_cmpint(err->class, ==, class);
	if (!g_pattern_match_simple(pattern, err->message))
		g_assert_cmpstr(err->message, ==, pattern);
}

static void test_round(struct fixture *f, const void *data)
{
	struct store_image image = example(f->arena), back;
	struct error *err = NULL;

	(void)data;
	put_image(f, &image);
	g_assert_true(store_load(f->arena, f->state, KEY, &back, &err));
	g_assert_cmpstr(back.key, ==, KEY);
	g_assert_cmpstr(back.digest, ==, DIGEST);
	g_assert_cmpstr(back.incarnation, ==, "1");
	g_assert_cmpstr(back.disk_format, ==, "raw");
	g_assert_cmpint(back.disk_size, ==, 4096);
	g_assert_true(back.kernel && back.initrd && back.login);
	g_assert_cmpstr(back.cmdline, ==, "root=/dev/vda");
	g_assert_nonnull(back.definition);
}

static void test_without_disk(struct fixture *f, const void *data)
{
	struct store_image image = example(f->arena), back;
	struct error *err = NULL;

	(void)data;
	image.disk_format = NULL;
	image.disk_size = 0;
	image.cmdline = NULL;
	image.login = false;
	put_image(f, &image);
	g_assert_true(store_load(f->arena, f->state, KEY, &back, &err));
	g_assert_null(back.disk_format);
	g_assert_null(back.cmdline);
	g_assert_false(back.login);
}

static void test_missing(struct fixture *f, const void *data)
{
	(void)data;
	expect_refused(f, KEY, ERROR_MISSING, "image '" KEY "': cannot open *");
}

/* A key comes from elsewhere and becomes a part of paths. */
static void test_keys(struct fixture *f, const void *data)
{
	static const char *const bad[] = {"", "sha256-", "..", "../../etc", "sha256-../x", KEY "0",
		KEY "/", "SHA256-0123456789abcdef0123456789abcdef0123456789abcdef012345678",
		"sha256-0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", NULL};

	(void)data;
	g_assert_true(store_key_valid(KEY));
	for (int i = 0; bad[i]; i++) {
		g_assert_false(store_key_valid(bad[i]));
		expect_refused(f, bad[i], ERROR_CONFIG, "'*' is no key of an image");
	}
}

static void test_damage(struct fixture *f, const void *data)
{
	static const char *const names[] = {"disk", "kernel", "initrd"};
	struct store_image image = example(f->arena);
	AUTO(error) struct error *err = NULL;

	(void)data;
	g_assert_true(dir_make(store_path(f->arena, f->state, KEY, ""), &err));
	expect_refused(f, KEY, ERROR_FAILED, "image '*': cannot open *image.json*");
	put(f, "image.json", "{");
	expect_refused(f, KEY, ERROR_FAILED, "image '*': *");
	put(f, "image.json", "[]");
	expect_refused(f, KEY, ERROR_FAILED, "image '*': its image.json does not describe it");
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		put_image(f, &image);
		g_assert_cmpint(remove(store_path(f->arena, f->state, KEY, names[i])), ==, 0);
		expect_refused(f, KEY, ERROR_FAILED, "image '*': its file '*' is gone");
	}
}

static void break_digest(struct store_image *image)
{
	image->digest = "md5-0";
}

static void break_format(struct store_image *image)
{
	image->disk_format = "vmdk";
}

static void break_size(struct store_image *image)
{
	image->disk_size = 0;
}

static void break_key(struct store_image *image)
{
	image->key = DIGEST;
}

static void break_kernel(struct store_image *image)
{
	image->kernel = false;
}

static void test_nonsense(struct fixture *f, const void *data)
{
	static void (*const breaks[])(struct store_image *) = {
		break_digest, break_format, break_size, break_key, break_kernel};

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(breaks); i++) {
		struct store_image image = example(f->arena);

		breaks[i](&image);
		put_image(f, &image);
		expect_refused(
			f, KEY, ERROR_FAILED, "image '*': its image.json does not describe it");
	}
}

static void test_newer(struct fixture *f, const void *data)
{
	struct store_image image = example(f->arena);
	struct value *map = store_format(f->arena, &image);
	AUTO(gfree) char *text = NULL;

	(void)data;
	value_set(f->arena, map, "format", value_integer(f->arena, STORE_FORMAT + 1));
	text = json_format(map);
	put(f, "image.json", text);
	expect_refused(f, KEY, ERROR_CONFLICT, "image '*': a newer version of provision made it");
}

/* The order in which a map was written makes no other hash. */
static void test_hash(struct fixture *f, const void *data)
{
	struct value *a = value_map(f->arena), *b = value_map(f->arena);

	(void)data;
	value_set(f->arena, a, "x", value_integer(f->arena, 1));
	value_set(f->arena, a, "y", value_integer(f->arena, 2));
	value_set(f->arena, b, "y", value_integer(f->arena, 2));
	value_set(f->arena, b, "x", value_integer(f->arena, 1));
	g_assert_cmpstr(store_hash(f->arena, a), ==, store_hash(f->arena, b));
	g_assert_true(store_key_valid(store_hash(f->arena, a)));
	value_set(f->arena, b, "x", value_integer(f->arena, 3));
	g_assert_cmpstr(store_hash(f->arena, a), !=, store_hash(f->arena, b));
}

static void add(const char *name, void (*test)(struct fixture *, const void *))
{
	AUTO(gfree) char *path = g_strdup_printf("/store/%s", name);

	g_test_add(path, struct fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("round", test_round);
	add("without-disk", test_without_disk);
	add("missing", test_missing);
	add("keys", test_keys);
	add("damage", test_damage);
	add("nonsense", test_nonsense);
	add("newer", test_newer);
	add("hash", test_hash);
	return g_test_run();
}
