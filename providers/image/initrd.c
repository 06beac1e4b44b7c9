/* Drivers are found in the lists that depmod has made of the kernel's package. */
#include "initrd.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/process.h"
#include "cpio.h"
#include "tree.h"

enum { LIST_MOST = 16 << 20, MODULE_MOST = 64 << 20, UNPACK_LIMIT = 60000 };

struct driver {
	const char *name;
	bool needed;
};

/* The network card and what powers off are here because loading them later costs more. */
static const struct driver drivers[] = {
	{"virtio_pci", true},
	{"virtio_blk", true},
	{"ext4", true},
	{"crc32c_generic", false}, /* ext4 asks for it by the name of its algorithm */
	{"virtio_net", false},
	{"virtio_rng", false},
	{"button", false},
	{"evdev", false},
	{NULL, false},
};

struct initrd {
	int tree;
	const char *folder; /* of the kernel's modules */
	GHashTable *needs;  /* name → line of modules.dep: "PATH: PATH…" */
	GHashTable *builtin;
	GHashTable *done;
	GString *archive, *order;
};

/* "kernel/drivers/char/virtio-rng.ko.xz" → "virtio_rng". Caller frees. */
static char *module_name(const char *path, size_t length)
{
	char *name = g_strndup(path, length), *base = strrchr(name, '/'), *end;

	if (base)
		memmove(name, base + 1, strlen(base));
	end = strstr(name, ".ko");
	if (end)
		*end = '\0';
	return g_strdelimit(name, "-", '_');
}

/* Caller frees. NULL with errno. */
static char *read_all(int fd, size_t most, size_t *length)
{
	GString *bytes = g_string_new(NULL);
	char buffer[16384];
	ssize_t n;

	while ((n = read(fd, buffer, sizeof(buffer))) > 0 && bytes->len <= most)
		g_string_append_len(bytes, buffer, n);
	*length = bytes->len;
	if (n > 0)
		errno = EFBIG;
	return g_string_free(bytes, n != 0);
}

static char *read_file(int tree, const char *path, size_t most, size_t *length, struct error **err)
{
	AUTO(fd) int fd = tree_read(tree, path, err);
	char *text = fd < 0 ? NULL : read_all(fd, most, length);

	if (!text && !*err)
		error_set_errno(err, "cannot read '/%s' of the image", path);
	return text;
}

/* Fills a table of name → line. */
static bool read_list(
	const struct initrd *initrd, const char *list, GHashTable *into, struct error **err)
{
	AUTO(gfree) char *path = g_strdup_printf("%s/%s", initrd->folder, list), *text = NULL;
	g_auto(GStrv) lines = NULL;
	size_t length;

	text = read_file(initrd->tree, path, LIST_MOST, &length, err);
	if (!text)
		return false;
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		if (**line)
			g_hash_table_insert(
				into, module_name(*line, strcspn(*line, ":")), g_strdup(*line));
	return true;
}

/* The kernel takes drivers as they are; this program unpacks what is packed. */
static const char *unpacker(const char *path)
{
	if (g_str_has_suffix(path, ".xz"))
		return "xz";
	if (g_str_has_suffix(path, ".zst"))
		return "zstd";
	return g_str_has_suffix(path, ".gz") ? "gzip" : NULL;
}

static bool unpack(const char *program, int from, int to, struct error **err)
{
	const char *const argv[] = {program, "-dc", NULL};
	const struct process_options options = {
		.stdin_fd = from, .stdout_fd = to, .stderr_fd = -1, .dies_with_us = true};
	struct process process;
	int status = 0;
	bool ok = process_spawn(argv, &options, &process, err);

	if (!ok)
		return false;
	ok = process_wait(&process, UNPACK_LIMIT, &status, err);
	process_close(&process);
	if (ok && status != 0)
		error_set(err, ERROR_FAILED, "'%s' cannot unpack a driver", program);
	return ok && status == 0;
}

/* Caller frees. NULL on failure. */
static char *read_module(
	const struct initrd *initrd, const char *relative, size_t *length, struct error **err)
{
	AUTO(gfree) char *path = g_strdup_printf("%s/%s", initrd->folder, relative);
	const char *program = unpacker(relative);
	AUTO(fd) int packed = -1;
	AUTO(fd) int plain = -1;
	char *bytes;

	if (!program)
		return read_file(initrd->tree, path, MODULE_MOST, length, err);
	packed = tree_read(initrd->tree, path, err);
	plain = packed < 0 ? -1 : memfd_create("driver", MFD_CLOEXEC);
	if (plain < 0 && !*err)
		error_set_errno(err, "cannot make a file in memory");
	if (plain < 0)
		return NULL;
	if (!unpack(program, packed, plain, err)) {
		error_prefix(err, "driver '%s'", relative);
		return NULL;
	}
	bytes = lseek(plain, 0, SEEK_SET) == 0 ? read_all(plain, MODULE_MOST, length) : NULL;
	if (!bytes)
		error_set_errno(err, "cannot read driver '%s'", relative);
	return bytes;
}

static bool add_named(struct initrd *initrd, const char *name, bool needed, struct error **err);

static bool add_path(struct initrd *initrd, const char *path, struct error **err)
{
	AUTO(gfree) char *name = module_name(path, strlen(path)), *data = NULL, *inside = NULL;
	size_t length;

	data = read_module(initrd, path, &length, err);
	if (!data)
		return false;
	inside = g_strdup_printf("modules/%s.ko", name);
	cpio_add(initrd->archive, inside, S_IFREG | 0600, data, length);
	g_string_append_printf(initrd->order, "%s.ko\n", name);
	return true;
}

/* What it needs first. Marked before, so that a circle in the list ends. */
static bool add_line(struct initrd *initrd, const char *line, struct error **err)
{
	size_t length = strcspn(line, ":");
	AUTO(gfree) char *path = g_strndup(line, length);
	g_auto(GStrv) needs = g_strsplit(line[length] ? line + length + 1 : "", " ", -1);

	for (char **need = needs; *need; need++) {
		AUTO(gfree) char *name = module_name(*need, strlen(*need));

		if (**need && !add_named(initrd, name, true, err))
			return false;
	}
	return add_path(initrd, path, err);
}

static bool add_named(struct initrd *initrd, const char *name, bool needed, struct error **err)
{
	const char *line = g_hash_table_lookup(initrd->needs, name);

	if (!g_hash_table_add(initrd->done, g_strdup(name)))
		return true;
	if (line)
		return add_line(initrd, line, err);
	if (!needed || g_hash_table_contains(initrd->builtin, name))
		return true;
	error_set(err, ERROR_CONFIG, "the kernel has no driver '%s'", name);
	error_hint(err, "say another 'kernel' for the image");
	return false;
}

static bool fill(struct initrd *initrd, struct initrd_program init, struct error **err)
{
	cpio_add(initrd->archive, "dev", S_IFDIR | 0755, NULL, 0);
	cpio_add_device(initrd->archive, "dev/console", S_IFCHR | 0600, 5, 1);
	cpio_add(initrd->archive, "init", S_IFREG | 0700, init.bytes, init.length);
	cpio_add(initrd->archive, "modules", S_IFDIR | 0700, NULL, 0);
	for (const struct driver *d = drivers; d->name; d++)
		if (!add_named(initrd, d->name, d->needed, err))
			return false;
	cpio_add(initrd->archive, "modules/order", S_IFREG | 0600, initrd->order->str,
		initrd->order->len);
	cpio_end(initrd->archive);
	return true;
}

bool initrd_write(
	int tree, const char *version, struct initrd_program init, int fd, struct error **err)
{
	AUTO(gfree) char *folder = g_strdup_printf("lib/modules/%s", version);
	g_autoptr(GHashTable) needs =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autoptr(GHashTable) builtin =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	g_autoptr(GHashTable) done = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct initrd initrd = {
		tree, folder, needs, builtin, done, g_string_new(NULL), g_string_new(NULL)};
	bool ok = read_list(&initrd, "modules.dep", needs, err) &&
		  read_list(&initrd, "modules.builtin", builtin, err) && fill(&initrd, init, err);

	if (ok && !fd_write_all(fd, initrd.archive->str, initrd.archive->len)) {
		error_set_errno(err, "cannot write the initrd");
		ok = false;
	}
	g_string_free(initrd.archive, TRUE);
	g_string_free(initrd.order, TRUE);
	return ok;
}

char *initrd_kernel(int tree, struct error **err)
{
	static const char prefix[] = "vmlinuz-";
	AUTO(dir) DIR *dir = tree_folder(tree, "boot", err);
	struct dirent *entry;
	char *newest = NULL;

	while (dir && (entry = readdir(dir)) != NULL) {
		const char *version = entry->d_name + strlen(prefix);

		if (g_str_has_prefix(entry->d_name, prefix) &&
			(!newest || strverscmp(version, newest) > 0)) {
			g_free(newest);
			newest = g_strdup(version);
		}
	}
	if (!newest && !*err) {
		error_set(err, ERROR_CONFIG, "the image has no kernel in /boot");
		error_hint(err, "say the package of one by 'kernel'");
	}
	return newest;
}
