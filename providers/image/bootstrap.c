/* mmdebstrap fills a tree, the recipe makes a machine of it, mke2fs puts it into a file. */
#include "bootstrap.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "base/text.h"
#include "content.h"
#include "initrd.h"
#include "namespace.h"
#include "recipe.h"
#include "sources.h"
#include "tree.h"

enum { BUILD_LIMIT = 1200000, FILL_LIMIT = 600000, PROGRESS_EVERY = 500 };

/* Without it, a release that has come to merged /usr brings a whole perl along to get there. */
#define MERGED_USR "/usr/share/mmdebstrap/hooks/maybe-merged-usr"
#define SIZE_DEFAULT ((int64_t)2 << 30)
#define SPACE_LEAST ((int64_t)3 << 29)

struct bootstrap {
	struct call *call;
	const struct object *object;
	const struct definition_bootstrap *asked;
	struct stage *stage;
	const char *release, *architecture, *kernel;
	int64_t size;
	char *tree, *disk, *settings; /* paths */
	int64_t told;		      /* when progress was last told */
	unsigned packages, unpacked, done;
	char *complaint; /* the first error that apt named */
};

static void tell(struct bootstrap *b, bool always, const char *text)
{
	int64_t now = clock_now();

	if (!always && now - b->told < PROGRESS_EVERY)
		return;
	b->told = now;
	emit_progress(b->call, b->object, "%s", text);
}

static void tell_package(
	struct bootstrap *b, const char *what, const char *name, unsigned at, unsigned of)
{
	AUTO(gfree) char *shown = text_escape(name, strcspn(name, " ("));
	AUTO(gfree)
	char *text = of ? g_strdup_printf("%s %s (%u of %u)", what, shown, MIN(at, of), of)
			: g_strdup_printf("%s %s", what, shown);

	tell(b, false, text);
}

/* "0 upgraded, 74 newly installed, 0 to remove …": the essential ones come first, on their own. */
static void hear_count(struct bootstrap *b, const char *line)
{
	const char *at = strstr(line, " newly installed");
	const char *start = at;

	while (start && start > line && g_ascii_isdigit(start[-1]))
		start--;
	if (start && start < at)
		b->packages += g_ascii_strtoull(start, NULL, 10);
}

static void hear_stage(struct bootstrap *b, const char *line)
{
	static const struct {
		const char *said, *means;
	} stages[] = {
		{"I: running apt-get update", "fetching the lists of packages"},
		{"I: downloading packages", "fetching the essential packages"},
		{"I: extracting archives", "unpacking the essential packages"},
		{"I: installing essential packages", "installing the essential packages"},
		{"I: installing remaining packages", "fetching the other packages"},
		{"I: cleaning", "cleaning up"},
	};

	for (size_t i = 0; i < G_N_ELEMENTS(stages); i++)
		if (g_str_has_prefix(line, stages[i].said))
			tell(b, true, stages[i].means);
}

static void hear(void *data, const char *bytes, size_t length)
{
	struct bootstrap *b = data;
	AUTO(gfree) char *line = g_strndup(bytes, length);

	if (g_str_has_prefix(line, "Unpacking "))
		tell_package(b, "unpacking", line + 10, ++b->unpacked, b->packages);
	else if (g_str_has_prefix(line, "Setting up "))
		tell_package(b, "setting up", line + 11, ++b->done, b->packages);
	else if (g_str_has_prefix(line, "I: "))
		hear_stage(b, line);
	else if (g_str_has_prefix(line, "E: ") && !b->complaint)
		b->complaint = text_escape(line + 3, strlen(line + 3));
	else
		hear_count(b, line);
}

static bool have_program(const char *name, const char *package, struct error **err)
{
	AUTO(gfree) char *path = g_find_program_in_path(name);
	AUTO(gfree) char *inner = g_strdup_printf("/usr/sbin/%s", name);

	if (path || access(inner, X_OK) == 0)
		return true;
	error_set(err, ERROR_MISSING, "'%s' is not installed", name);
	error_hint(err, "apt-get install %s", package);
	return false;
}

static bool check_space(const struct bootstrap *b, struct error **err)
{
	AUTO(gfree) char *needed = size_format(SPACE_LEAST);
	struct statvfs fs;

	if (statvfs(b->stage->path, &fs) < 0 ||
		(int64_t)fs.f_bavail * (int64_t)fs.f_frsize >= SPACE_LEAST)
		return true;
	error_set(err, ERROR_FAILED, "no space in '%s': a build needs %s, %" PRId64 "MiB are free",
		b->stage->folder, needed,
		(int64_t)fs.f_bavail * (int64_t)fs.f_frsize / ((int64_t)1 << 20));
	return false;
}

static bool prepare(struct bootstrap *b, struct error **err)
{
	static const char *const folders[] = {"tree", "tmp"};

	b->architecture = sources_architecture(err);
	if (b->architecture)
		b->release =
			b->asked->release ? g_strdup(b->asked->release) : sources_host_release(err);
	if (!b->release)
		return false;
	b->kernel = b->asked->kernel ? g_strdup(b->asked->kernel)
				     : g_strdup_printf("linux-image-cloud-%s", b->architecture);
	b->size = b->asked->size ? b->asked->size : SIZE_DEFAULT;
	b->tree = stage_path(b->stage, "tree");
	b->disk = stage_path(b->stage, "disk");
	b->settings = stage_path(b->stage, "apt.conf");
	for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
		AUTO(gfree) char *path = stage_path(b->stage, folders[i]);

		if (mkdir(path, 0755) == 0)
			continue;
		error_set_errno(err, "cannot create folder '%s'", path);
		return false;
	}
	return true;
}

static void clear(struct bootstrap *b)
{
	g_free((char *)b->architecture);
	g_free((char *)b->release);
	g_free((char *)b->kernel);
	g_free(b->tree);
	g_free(b->disk);
	g_free(b->settings);
	g_free(b->complaint);
}

static char *packages_text(const struct bootstrap *b)
{
	GString *text = g_string_new(b->kernel);

	for (const char *const *p = recipe_packages; *p; p++)
		g_string_append_printf(text, ",%s", *p);
	for (size_t i = 0; i < b->asked->packages->list.count; i++)
		g_string_append_printf(text, ",%s", b->asked->packages->list.items[i]->text.bytes);
	return g_string_free(text, FALSE);
}

/* Ends with NULL; all of it is freed with the array. */
static GPtrArray *arguments(const struct bootstrap *b, const GPtrArray *lines)
{
	GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
	AUTO(gfree) char *packages = packages_text(b);

	g_ptr_array_add(argv, g_strdup("mmdebstrap"));
	g_ptr_array_add(argv, g_strdup("--mode=root"));
	g_ptr_array_add(argv, g_strdup("--variant=minbase"));
	g_ptr_array_add(argv, g_strdup("--format=directory"));
	g_ptr_array_add(argv, g_strdup("--verbose"));
	g_ptr_array_add(argv, g_strdup_printf("--architectures=%s", b->architecture));
	g_ptr_array_add(argv, g_strdup_printf("--aptopt=%s", b->settings));
	g_ptr_array_add(argv, g_strdup_printf("--include=%s", packages));
	if (file_exists(MERGED_USR))
		g_ptr_array_add(argv, g_strdup("--hook-dir=" MERGED_USR));
	g_ptr_array_add(argv, g_strdup(b->release));
	g_ptr_array_add(argv, g_strdup(namespace_folder(b->tree)));
	for (unsigned i = 0; i < lines->len; i++)
		g_ptr_array_add(argv, g_strdup(lines->pdata[i]));
	g_ptr_array_add(argv, NULL);
	return argv;
}

/* What apt itself said is the message; the last lines stay as the hint. */
static bool explain(const struct bootstrap *b, struct error **err)
{
	AUTO(gfree) char *hint = g_strdup((*err)->hint);
	enum error_class class = (*err)->class;

	if (!b->complaint || class != ERROR_FAILED)
		return false;
	error_clear(err);
	error_set(err, class, "cannot install the packages: %s", b->complaint);
	if (hint)
		error_hint(err, "%s", hint);
	return false;
}

/* The tree has another name there, so that apt's own user, who fetches, can reach it.
 * INITRD=No: the image gets another initrd than the one that its kernel would make. */
static bool fill_tree(struct bootstrap *b, struct error **err)
{
	g_autoptr(GPtrArray) lines = sources_lines(b->release, err);
	AUTO(gfree) char *settings = lines ? sources_settings(err) : NULL;
	AUTO(gfree) char *temporary = g_strdup_printf("TMPDIR=%s/tmp", b->stage->path);
	AUTO(gfree) char *path = g_strdup_printf("PATH=%s:/usr/sbin:/sbin", g_getenv("PATH"));
	const char *const environment[] = {temporary, path, "INITRD=No", "LC_ALL=C.UTF-8",
		"DEBIAN_FRONTEND=noninteractive", NULL};
	const int keep[] = {b->stage->fd, -1};
	const struct process_options options = {
		.stdin_fd = -1, .keep = keep, .environment = environment};
	g_autoptr(GPtrArray) argv = NULL;

	if (!settings || !file_write(b->settings, settings, strlen(settings), 0600, err))
		return false;
	argv = arguments(b, lines);
	tell(b, true, "starting mmdebstrap");
	return namespace_run((const char *const *)argv->pdata, b->tree, &options, BUILD_LIMIT, hear,
		       b, err) ||
	       explain(b, err);
}

/* Copies a file of the tree into the stage and gives its digest. */
static const char *take_kernel(
	const struct bootstrap *b, int tree, const char *version, struct error **err)
{
	AUTO(gfree) char *path = g_strdup_printf("boot/vmlinuz-%s", version);
	AUTO(fd) int from = tree_read(tree, path, err);
	AUTO(fd) int to = from < 0 ? -1 : stage_create(b->stage, "kernel", err);

	return to < 0 ? NULL : content_copy(b->call->arena, from, path, to, err);
}

static const char *make_initrd(
	const struct bootstrap *b, int tree, const char *version, struct error **err)
{
	AUTO(fd) int fd = stage_create(b->stage, "initrd", err);

	if (fd < 0 || !initrd_write(tree, version, initrd_program(), fd, err))
		return NULL;
	return content_digest(b->call->arena, fd, "initrd", err);
}

/* The file is empty but for what is written, so nothing of it needs to be cleared here or, later
 * and in the background, by the machine. */
static bool fill_disk(struct bootstrap *b, int fd, struct error **err)
{
	const char *const argv[] = {"mke2fs", "-q", "-F", "-t", "ext4", "-m", "1", "-L", "root",
		"-E", "assume_storage_prezeroed=1", "-d", b->tree, b->disk, NULL};
	AUTO(gfree) char *path = g_strdup_printf("PATH=%s:/usr/sbin:/sbin", g_getenv("PATH"));
	const char *const environment[] = {path, "LC_ALL=C.UTF-8", NULL};
	const int keep[] = {b->stage->fd, -1};
	const struct process_options options = {
		.stdin_fd = -1, .keep = keep, .environment = environment};

	if (ftruncate(fd, b->size) < 0) {
		error_set_errno(err, "cannot size '%s'", b->disk);
		return false;
	}
	tell(b, true, "making the file system");
	if (namespace_run(argv, NULL, &options, FILL_LIMIT, NULL, NULL, err))
		return true;
	if ((*err)->hint && strstr((*err)->hint, "ould not allocate"))
		error_hint(err, "the packages may need more space: say a larger 'size'");
	return false;
}

static const char *make_disk(struct bootstrap *b, struct error **err)
{
	AUTO(fd) int fd = stage_create(b->stage, "disk", err);

	if (fd < 0 || !fill_disk(b, fd, err))
		return NULL;
	return content_digest(b->call->arena, fd, "disk", err);
}

static const char *make_all(struct bootstrap *b, struct error **err)
{
	struct arena *arena = b->call->arena;
	AUTO(fd) int tree = tree_open(b->tree, err);
	AUTO(gfree) char *version = tree < 0 ? NULL : initrd_kernel(tree, err);
	const char *kernel, *initrd = NULL, *disk = NULL;
	struct value *all = value_map(arena);

	kernel = version ? take_kernel(b, tree, version, err) : NULL;
	if (kernel)
		initrd = make_initrd(b, tree, version, err);
	if (initrd && recipe_apply(tree, err))
		disk = make_disk(b, err);
	if (!disk)
		return NULL;
	value_set(arena, all, "disk", value_string(arena, disk));
	value_set(arena, all, "kernel", value_string(arena, kernel));
	value_set(arena, all, "initrd", value_string(arena, initrd));
	return store_hash(arena, all);
}

static struct value *describe(const struct bootstrap *b)
{
	struct arena *arena = b->call->arena;
	struct value *all = value_map(arena), *map = value_map(arena);

	value_set(arena, map, "release", value_string(arena, b->release));
	value_set(arena, map, "architecture", value_string(arena, b->architecture));
	value_set(arena, map, "kernel", value_string(arena, b->kernel));
	value_set(arena, map, "packages", value_copy(arena, b->asked->packages));
	value_set(arena, map, "size", value_integer(arena, b->size));
	value_set(arena, map, "recipe", value_integer(arena, RECIPE_VERSION));
	value_set(arena, all, "bootstrap", map);
	return all;
}

/* The tree goes only as its owners: those of a namespace when we are not root. */
static bool remove_rest(const struct bootstrap *b, struct error **err)
{
	AUTO(gfree) char *temporary = stage_path(b->stage, "tmp");
	AUTO(error) struct error *denied = NULL;

	return (tree_remove(b->tree, &denied) || namespace_remove(b->tree, err)) &&
	       tree_remove(temporary, err) && tree_remove(b->settings, err);
}

static bool build(struct bootstrap *b, struct store_image *image, struct error **err)
{
	const char *digest;

	if (!prepare(b, err) || !check_space(b, err) || !fill_tree(b, err))
		return false;
	digest = make_all(b, err);
	if (!digest || !remove_rest(b, err))
		return false;
	*image = (struct store_image){
		.digest = digest,
		.incarnation = image->incarnation,
		.disk_format = "raw",
		.disk_size = b->size,
		.kernel = true,
		.initrd = true,
		.cmdline = arena_printf(b->call->arena, "root=/dev/vda rw console=%s quiet",
			strcmp(b->architecture, "arm64") ? "ttyS0" : "ttyAMA0"),
		.login = true,
		.definition = describe(b),
	};
	return true;
}

bool bootstrap_build(struct call *call, const struct object *object,
	const struct definition_bootstrap *asked, struct stage *stage, struct store_image *image,
	struct error **err)
{
	struct bootstrap b = {.call = call, .object = object, .asked = asked, .stage = stage};
	mode_t mask = umask(022);
	bool ok = have_program("mmdebstrap", "mmdebstrap", err) &&
		  have_program("mke2fs", "e2fsprogs", err) &&
		  have_program("unshare", "util-linux", err) && namespace_check(err) &&
		  build(&b, image, err);

	umask(mask);
	clear(&b);
	return ok || error_prefix(err, "bootstrap");
}
