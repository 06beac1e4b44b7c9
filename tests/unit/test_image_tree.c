/* Edits in a tree stay inside it, whatever lies there; the recipe is applied whole; an initrd has
 * its drivers in the order in which they are needed. */
#include <sys/mman.h>

#include "providers/image/cpio.c"
#include "providers/image/initrd.c"
#include "providers/image/namespace.c"
#include "providers/image/recipe.c"
#include "providers/image/tree.c"

struct fixture {
	char *folder, *outside, *root; /* the latter two in the first */
	int tree;
};

static char *inside(const struct fixture *f, const char *name)
{
	return g_strdup_printf("%s/%s", f->root, name);
}

static void make_folder(const struct fixture *f, const char *name)
{
	AUTO(gfree) char *path = inside(f, name);

	g_assert_cmpint(g_mkdir_with_parents(path, 0755), ==, 0);
}

static void put(const struct fixture *f, const char *name, const char *text)
{
	AUTO(gfree) char *path = inside(f, name), *parent = g_path_get_dirname(path);

	g_assert_cmpint(g_mkdir_with_parents(parent, 0755), ==, 0);
	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static char *get(const struct fixture *f, const char *name)
{
	AUTO(gfree) char *path = inside(f, name);
	char *text = NULL;

	g_file_get_contents(path, &text, NULL, NULL);
	return text;
}

static void expect(const struct fixture *f, const char *name, const char *text)
{
	AUTO(gfree) char *found = get(f, name);

	g_assert_cmpstr(found, ==, text);
}

static void point(const struct fixture *f, const char *name, const char *target)
{
	AUTO(gfree) char *path = inside(f, name);

	g_assert_cmpint(symlink(target, path), ==, 0);
}

static void set_up(struct fixture *f, const void *data)
{
	struct error *err = NULL;

	(void)data;
	f->folder = g_dir_make_tmp("tree.XXXXXX", NULL);
	f->outside = g_strdup_printf("%s/outside", f->folder);
	f->root = g_strdup_printf("%s/root", f->folder);
	g_assert_cmpint(g_mkdir_with_parents(f->outside, 0755), ==, 0);
	make_folder(f, "etc");
	f->tree = tree_open(f->root, &err);
	g_assert_cmpint(f->tree, >=, 0);
}

/* Whatever a test did, nothing may have come to lie outside the tree. */
static void tear_down(struct fixture *f, const void *data)
{
	struct error *err = NULL;

	(void)data;
	g_assert_cmpint(rmdir(f->outside), ==, 0);
	close(f->tree);
	g_assert_true(tree_remove(f->folder, &err));
	g_free(f->folder);
	g_free(f->outside);
	g_free(f->root);
}

static void test_write(struct fixture *f, const void *data)
{
	AUTO(gfree) char *path = inside(f, "etc/a/b/file"), *parent = inside(f, "etc/a/b");
	struct error *err = NULL;
	struct stat st;
	mode_t mask = umask(077);

	(void)data;
	g_assert_true(tree_write(f->tree, "etc/a/b/file", "text", 0640, &err));
	umask(mask);
	expect(f, "etc/a/b/file", "text");
	g_assert_true(stat(path, &st) == 0 && (st.st_mode & 07777) == 0640);
	g_assert_true(stat(parent, &st) == 0 && (st.st_mode & 07777) == 0755);
	g_assert_true(tree_write(f->tree, "etc/a/b/file", "new", 0644, &err));
	expect(f, "etc/a/b/file", "new");
}

/* Links to absolute paths mean those of the tree, as they will to the machine. */
static void test_links(struct fixture *f, const void *data)
{
	struct error *err = NULL;

	(void)data;
	make_folder(f, "real");
	point(f, "link", "/real");
	point(f, "up", "../../../../real");
	g_assert_true(tree_write(f->tree, "link/file", "text", 0644, &err));
	expect(f, "real/file", "text");
	g_assert_true(tree_write(f->tree, "up/other", "text", 0644, &err));
	expect(f, "real/other", "text");
	point(f, "out", f->outside);
	g_assert_false(tree_write(f->tree, "out/file/deeper", "text", 0644, &err));
	g_assert_nonnull(err);
	error_clear(&err);
}

/* The last part is replaced, never followed. */
static void test_last(struct fixture *f, const void *data)
{
	AUTO(gfree) char *victim = g_strdup_printf("%s/victim", f->folder);
	AUTO(gfree) char *text = NULL;
	struct error *err = NULL;

	(void)data;
	g_assert_true(g_file_set_contents(victim, "victim", -1, NULL));
	point(f, "etc/file", victim);
	g_assert_true(tree_write(f->tree, "etc/file", "text", 0644, &err));
	g_assert_true(g_file_get_contents(victim, &text, NULL, NULL));
	g_assert_cmpstr(text, ==, "victim");
	expect(f, "etc/file", "text");
	g_assert_true(tree_link(f->tree, "etc/file", "/target", &err));
	g_assert_true(tree_link(f->tree, "etc/file", "/other", &err));
}

static void test_drop(struct fixture *f, const void *data)
{
	struct error *err = NULL;

	(void)data;
	put(f, "etc/key_a", "");
	put(f, "etc/key_b", "");
	put(f, "etc/kept", "kept");
	make_folder(f, "etc/key_folder");
	point(f, "etc/key_link", f->outside);
	g_assert_true(tree_drop(f->tree, "etc/key_*", &err));
	g_assert_true(tree_drop(f->tree, "etc/none_*", &err));
	g_assert_true(tree_drop(f->tree, "no/such/folder/*", &err));
	expect(f, "etc/key_a", NULL);
	expect(f, "etc/key_b", NULL);
	expect(f, "etc/kept", "kept");
}

static void test_recipe(struct fixture *f, const void *data)
{
	struct error *err = NULL;
	AUTO(gfree) char *mask = inside(f, UNITS "timers.target.wants/apt-daily.timer");
	AUTO(gfree) char *target = NULL;

	(void)data;
	put(f, "etc/ssh/ssh_host_rsa_key", "secret");
	put(f, "etc/machine-id", "0123456789abcdef0123456789abcdef");
	put(f, "var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef");
	put(f, "var/lib/systemd/random-seed", "seed");
	put(f, "etc/hostname", "builder");
	put(f, "etc/passwd-", "old");
	put(f, "etc/apt/apt.conf.d/99mmdebstrap", "Acquire::http::Proxy \"http://u:p@host\";");
	put(f, UNITS "timers.target.wants/apt-daily.timer", "");
	g_assert_true(recipe_apply(f->tree, &err));
	g_assert_true(recipe_apply(f->tree, &err));
	expect(f, "etc/ssh/ssh_host_rsa_key", NULL);
	expect(f, "etc/machine-id", "");
	expect(f, "var/lib/dbus/machine-id", NULL);
	expect(f, "var/lib/systemd/random-seed", NULL);
	expect(f, "etc/hostname", NULL);
	expect(f, "etc/passwd-", NULL);
	expect(f, "etc/apt/apt.conf.d/99mmdebstrap", NULL);
	target = g_file_read_link(mask, NULL);
	g_assert_cmpstr(target, ==, "/dev/null");
}

static void test_kernel(struct fixture *f, const void *data)
{
	AUTO(gfree) char *newest = NULL;
	struct error *err = NULL;

	(void)data;
	make_folder(f, "boot");
	g_assert_null(initrd_kernel(f->tree, &err));
	g_assert_cmpstr(err->message, ==, "the image has no kernel in /boot");
	error_clear(&err);
	put(f, "boot/vmlinuz-6.1.0-9-cloud", "");
	put(f, "boot/vmlinuz-6.1.0-10-cloud", "");
	put(f, "boot/config-7", "");
	newest = initrd_kernel(f->tree, &err);
	g_assert_cmpstr(newest, ==, "6.1.0-10-cloud");
}

#define MODULES "lib/modules/6/"

static void put_modules(const struct fixture *f)
{
	put(f, MODULES "modules.dep",
		"kernel/virtio_pci.ko: kernel/virtio.ko kernel/virtio-ring.ko\n"
		"kernel/virtio_blk.ko: kernel/virtio-ring.ko kernel/virtio.ko\n"
		"kernel/virtio.ko: kernel/virtio-ring.ko\n"
		"kernel/virtio-ring.ko:\n"
		"kernel/other.ko:\n");
	put(f, MODULES "modules.builtin", "kernel/fs/ext4/ext4.ko\n");
	put(f, MODULES "kernel/virtio_pci.ko", "pci");
	put(f, MODULES "kernel/virtio_blk.ko", "blk");
	put(f, MODULES "kernel/virtio.ko", "virtio");
	put(f, MODULES "kernel/virtio-ring.ko", "ring");
}

static bool make_initrd(const struct fixture *f, int fd, struct error **err)
{
	static const char init[] = "program";

	return initrd_write(f->tree, "6", (struct initrd_program){init, strlen(init)}, fd, err);
}

/* Names and contents of an archive: "NAME(CONTENT) …". */
static char *list(int fd)
{
	AUTO(gfree) char *archive = NULL;
	GString *text = g_string_new(NULL);
	size_t length, at = 0;

	g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
	archive = read_all(fd, 1 << 20, &length);
	while (at + 110 < length) {
		AUTO(gfree) char *size = g_strndup(archive + at + 54, 8);
		AUTO(gfree) char *name_size = g_strndup(archive + at + 94, 8);
		size_t bytes = g_ascii_strtoull(size, NULL, 16);
		size_t name = g_ascii_strtoull(name_size, NULL, 16);

		g_assert_cmpint(strncmp(archive + at, "070701", 6), ==, 0);
		g_string_append_printf(text, "%s", archive + at + 110);
		at = (at + 110 + name + 3) / 4 * 4;
		if (bytes)
			g_string_append_printf(text, "(%.*s)", (int)bytes, archive + at);
		g_string_append_c(text, ' ');
		at = (at + bytes + 3) / 4 * 4;
	}
	return g_string_free(text, FALSE);
}

static void test_initrd(struct fixture *f, const void *data)
{
	AUTO(fd) int fd = memfd_create("initrd", MFD_CLOEXEC);
	AUTO(gfree) char *found = NULL;
	struct error *err = NULL;

	(void)data;
	put_modules(f);
	g_assert_true(make_initrd(f, fd, &err));
	found = list(fd);
	g_assert_cmpstr(found, ==,
		"dev dev/console init(program) modules "
		"modules/virtio_ring.ko(ring) modules/virtio.ko(virtio) modules/virtio_pci.ko(pci) "
		"modules/virtio_blk.ko(blk) "
		"modules/order(virtio_ring.ko\nvirtio.ko\nvirtio_pci.ko\nvirtio_blk.ko\n) "
		"TRAILER!!! ");
}

static void test_no_driver(struct fixture *f, const void *data)
{
	AUTO(fd) int fd = memfd_create("initrd", MFD_CLOEXEC);
	struct error *err = NULL;

	(void)data;
	put_modules(f);
	put(f, MODULES "modules.builtin", "");
	g_assert_false(make_initrd(f, fd, &err));
	g_assert_cmpstr(err->message, ==, "the kernel has no driver 'ext4'");
	g_assert_cmpint(err->class, ==, ERROR_CONFIG);
	error_clear(&err);
}

static void test_packed(struct fixture *f, const void *data)
{
	/* "ring" as gzip packs it. */
	static const unsigned char packed[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x2b, 0xca, 0xcc,
		0x4b, 7, 0, 0x76, 0xf5, 0xdc, 0x8f, 4, 0, 0, 0};
	AUTO(fd) int fd = memfd_create("initrd", MFD_CLOEXEC);
	AUTO(gfree) char *found = NULL, *path = inside(f, MODULES "kernel/virtio-ring.ko.gz");
	struct error *err = NULL;

	(void)data;
	put_modules(f);
	put(f, MODULES "modules.dep",
		"kernel/virtio_pci.ko:\nkernel/virtio_blk.ko: kernel/virtio-ring.ko.gz\n"
		"kernel/virtio-ring.ko.gz:\n");
	g_assert_true(g_file_set_contents(path, (const char *)packed, sizeof(packed), NULL));
	g_assert_true(make_initrd(f, fd, &err));
	found = list(fd);
	g_assert_nonnull(strstr(found, "modules/virtio_ring.ko(ring) modules/virtio_blk.ko(blk)"));
}

/* The lists come from a package: what makes no sense there is an error, not the end of us. */
static void test_bad_lists(struct fixture *f, const void *data)
{
	static const char *const lists[] = {"kernel/virtio_pci.ko: kernel/virtio_pci.ko\n",
		"kernel/virtio_pci.ko: kernel/missing.ko\nkernel/missing.ko:\n",
		"kernel/virtio_pci.ko: kernel/unlisted.ko\n", "../../../../etc/virtio_pci.ko:\n",
		":::\n", ""};

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
		AUTO(fd) int fd = memfd_create("initrd", MFD_CLOEXEC);
		struct error *err = NULL;

		put_modules(f);
		put(f, MODULES "modules.dep", lists[i]);
		g_assert_false(make_initrd(f, fd, &err));
		g_assert_nonnull(err);
		error_clear(&err);
	}
}

static void add(const char *name, void (*test)(struct fixture *, const void *))
{
	AUTO(gfree) char *path = g_strdup_printf("/tree/%s", name);

	g_test_add(path, struct fixture, NULL, set_up, test, tear_down);
}

/* A store that lies below the place would be hidden by what is mounted there. */
static void test_namespace(void)
{
	g_assert_cmpstr(namespace_folder("/tmp"), ==, "/mnt");
	g_assert_cmpstr(namespace_folder("/mnt"), ==, "/media");
	g_assert_cmpstr(namespace_folder("/mnt/../mnt/"), ==, "/media");
	g_assert_cmpstr(namespace_folder("/mnt/no/such/tree"), ==, "/media");
	g_assert_cmpstr(namespace_folder("/mnt2/no/such/tree"), ==, "/mnt");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("write", test_write);
	add("links", test_links);
	add("last", test_last);
	add("drop", test_drop);
	add("recipe", test_recipe);
	add("kernel", test_kernel);
	add("initrd", test_initrd);
	add("no-driver", test_no_driver);
	add("packed", test_packed);
	add("bad-lists", test_bad_lists);
	g_test_add_func("/image/namespace", test_namespace);
	return g_test_run();
}
