/* Digests and copies of files: holes or not, the same; and a digest is remembered only as long as
 * the file is surely the same. */
#include <sys/mman.h>

#include "providers/image/content.c"

struct fixture {
	struct arena *arena;
	char *folder;
};

static void set_up(struct fixture *f, const void *data)
{
	(void)data;
	f->arena = arena_new();
	f->folder = g_dir_make_tmp("content.XXXXXX", NULL);
}

static void tear_down(struct fixture *f, const void *data)
{
	struct error *err = NULL;

	(void)data;
	g_assert_true(tree_remove(f->folder, &err));
	g_free(f->folder);
	arena_free(f->arena);
}

static int create(const struct fixture *f, const char *name)
{
	const char *path = arena_printf(f->arena, "%s/%s", f->folder, name);
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	g_assert_cmpint(fd, >=, 0);
	return fd;
}

static void put(int fd, const char *text, off_t at)
{
	g_assert_cmpint(pwrite(fd, text, strlen(text), at), ==, strlen(text));
}

/* Three megabytes with something at the start, in the middle and at the very end. */
static void put_pattern(int fd)
{
	put(fd, "start", 0);
	put(fd, "middle", (1 << 20) - 3);
	put(fd, "end", 3 << 20);
}

static void fill_with_zeros(int fd)
{
	AUTO(gfree) char *zeros = g_malloc0(3 << 20);

	g_assert_cmpint(pwrite(fd, zeros, 3 << 20, 0), ==, 3 << 20);
}

static const char *digest(const struct fixture *f, int fd)
{
	struct error *err = NULL;
	const char *text = content_digest(f->arena, fd, "it", &err);

	g_assert_nonnull(text);
	return text;
}

static void test_holes(struct fixture *f, const void *data)
{
	AUTO(fd) int sparse = create(f, "sparse");
	AUTO(fd) int full = create(f, "full");

	(void)data;
	fill_with_zeros(full);
	put_pattern(full);
	put_pattern(sparse);
	g_assert_cmpstr(digest(f, sparse), ==, digest(f, full));
	put(full, "x", 5000);
	g_assert_cmpstr(digest(f, sparse), !=, digest(f, full));
}

/* Neither length nor place of what is in it may get lost. */
static void test_shape(struct fixture *f, const void *data)
{
	AUTO(fd) int a = create(f, "a");
	AUTO(fd) int b = create(f, "b");

	(void)data;
	g_assert_cmpint(ftruncate(a, 4096), ==, 0);
	g_assert_cmpint(ftruncate(b, 8192), ==, 0);
	g_assert_cmpstr(digest(f, a), !=, digest(f, b));
	g_assert_cmpint(ftruncate(a, 8192), ==, 0);
	g_assert_cmpstr(digest(f, a), ==, digest(f, b));
	put(a, "x", 0);
	put(b, "x", 4096);
	g_assert_cmpstr(digest(f, a), !=, digest(f, b));
}

static void test_copy(struct fixture *f, const void *data)
{
	AUTO(fd) int from = create(f, "from");
	AUTO(fd) int to = create(f, "to");
	struct error *err = NULL;
	struct stat st, copy;

	(void)data;
	fill_with_zeros(from);
	put_pattern(from);
	g_assert_cmpint(ftruncate(from, (3 << 20) + 10000), ==, 0);
	g_assert_cmpstr(content_copy(f->arena, from, "from", to, &err), ==, digest(f, from));
	g_assert_cmpstr(digest(f, to), ==, digest(f, from));
	g_assert_true(fstat(from, &st) == 0 && fstat(to, &copy) == 0);
	g_assert_cmpint(copy.st_size, ==, st.st_size);
	g_assert_cmpint(copy.st_blocks, <=, st.st_blocks);
}

static const char *known(const struct fixture *f, const char *path)
{
	struct error *err = NULL;
	const char *text = content_known(f->arena, f->folder, path, &err);

	if (!text)
		g_assert_cmpstr(err->message, ==, "");
	return text;
}

static char *cache_text(const struct fixture *f)
{
	AUTO(gfree) char *path = g_strdup_printf("%s/.digests.json", f->folder);
	AUTO(error) struct error *err = NULL;
	char *text = NULL;
	size_t length;

	return file_read(path, CACHE_MOST, &text, &length, &err) ? text : g_strdup("");
}

/* This program was built a while ago, so what is found of it is kept, and then believed. */
static void test_remembered(struct fixture *f, const void *data)
{
	const char *path = arena_printf(f->arena, "%s", (const char *)data), *found, *file;
	AUTO(gfree) char *before = NULL;
	GString *forged;
	struct error *err = NULL;
	struct stat st;

	g_assert_cmpint(stat(path, &st), ==, 0);
	while (time(NULL) <= MAX(st.st_mtim.tv_sec, st.st_ctim.tv_sec) + SETTLED_SECONDS)
		usleep(100000);
	found = known(f, path);
	before = cache_text(f);
	g_assert_nonnull(strstr(before, found));
	forged = g_string_new(before);
	g_string_replace(forged, found, "sha256-forged", 0);
	file = arena_printf(f->arena, "%s/.digests.json", f->folder);
	g_assert_true(file_write(file, forged->str, forged->len, 0600, &err));
	g_string_free(forged, TRUE);
	g_assert_cmpstr(known(f, path), ==, "sha256-forged");
}

static void test_not_remembered(struct fixture *f, const void *data)
{
	const char *path = arena_printf(f->arena, "%s/new", f->folder), *first;
	AUTO(fd) int fd = create(f, "new");
	AUTO(gfree) char *cache = NULL;

	(void)data;
	put(fd, "one", 0);
	first = known(f, path);
	cache = cache_text(f);
	g_assert_null(strstr(cache, first));
	put(fd, "two", 0);
	g_assert_cmpstr(known(f, path), !=, first);
}

static void test_forgotten(struct fixture *f, const void *data)
{
	AUTO(gfree) char *cache = NULL;
	struct error *err = NULL;
	const char *file = arena_printf(f->arena, "%s/.digests.json", f->folder);
	static const char stale[] = "{\"/no/such\":{\"identity\":\"1\",\"digest\":\"d\"},"
				    "\"/etc/passwd\":{\"identity\":\"1\",\"digest\":\"d\"}}";

	g_assert_true(file_write(file, stale, strlen(stale), 0600, &err));
	known(f, data);
	cache = cache_text(f);
	g_assert_null(strstr(cache, "/no/such"));
	g_assert_null(strstr(cache, "/etc/passwd"));
}

/* A broken one is a lost one. */
static void test_broken_cache(struct fixture *f, const void *data)
{
	const char *file = arena_printf(f->arena, "%s/.digests.json", f->folder);
	static const char *const texts[] = {"", "[", "[]", "{\"a\":1}", "3"};
	struct error *err = NULL;

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_assert_true(file_write(file, texts[i], strlen(texts[i]), 0600, &err));
		g_assert_true(g_str_has_prefix(known(f, data), "sha256-"));
	}
}

static void add(const char *name, void (*test)(struct fixture *, const void *), const void *data)
{
	AUTO(gfree) char *path = g_strdup_printf("/content/%s", name);

	g_test_add(path, struct fixture, data, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
	AUTO(gfree) char *self = g_canonicalize_filename(argv[0], NULL);

	g_test_init(&argc, &argv, NULL);
	add("holes", test_holes, NULL);
	add("shape", test_shape, NULL);
	add("copy", test_copy, NULL);
	add("remembered", test_remembered, self);
	add("not-remembered", test_not_remembered, NULL);
	add("forgotten", test_forgotten, self);
	add("broken-cache", test_broken_cache, self);
	return g_test_run();
}
