/* What a fleet file may say of an image, and that its key changes with what it is made of and with
 * nothing else. */
#include <sys/stat.h>

#include "providers/image/content.c"
#include "providers/image/definition.c"
#include "providers/image/qcow2.c"

struct fixture {
	struct arena *arena;
	char *folder, *state;
};

static void set_up(struct fixture *f, const void *data)
{
	(void)data;
	f->arena = arena_new();
	f->folder = g_dir_make_tmp("definition.XXXXXX", NULL);
	f->state = g_strdup_printf("%s/state", f->folder);
}

static void tear_down(struct fixture *f, const void *data)
{
	struct error *err = NULL;

	(void)data;
	g_assert_true(tree_remove(f->folder, &err));
	g_free(f->folder);
	g_free(f->state);
	arena_free(f->arena);
}

static void put(const struct fixture *f, const char *name, const char *text)
{
	AUTO(gfree) char *path = g_strdup_printf("%s/%s", f->folder, name);
	struct error *err = NULL;

	g_assert_true(file_write(path, text, strlen(text), 0600, &err));
}

/* Text of JSON with ' for " and FOLDER for the fixture's. */
static const struct value *parse_text(const struct fixture *f, const char *text)
{
	AUTO(gfree) char *quoted = g_strdelimit(g_strdup(text), "'", '"');
	GString *all = g_string_new(quoted);
	struct error *err = NULL;
	const struct value *map;

	g_string_replace(all, "FOLDER", f->folder, 0);
	map = json_parse(f->arena, all->str, all->len, &err);
	g_assert_nonnull(map);
	g_string_free(all, TRUE);
	return map;
}

static const char *key(const struct fixture *f, const char *text)
{
	struct definition definition;
	struct definition_known known;
	struct error *err = NULL;

	if (!definition_parse(f->arena, parse_text(f, text), &definition, &err) ||
		!definition_learn(f->arena, f->state, &definition, &known, &err))
		g_assert_cmpstr(err->message, ==, "");
	g_assert_true(store_key_valid(known.key));
	return known.key;
}

static void same(const struct fixture *f, const char *a, const char *b)
{
	g_assert_cmpstr(key(f, a), ==, key(f, b));
}

static void differ(const struct fixture *f, const char *a, const char *b)
{
	g_assert_cmpstr(key(f, a), !=, key(f, b));
}

/* The key is in the records of machines: if this one changes, all of them would be made anew. */
static void test_frozen(struct fixture *f, const void *data)
{
	(void)data;
	g_assert_cmpstr(key(f, "{'bootstrap':{}}"), ==,
		"sha256-6d80e28e79c00dede3fddade7df2908675d4160cebeac1d4f997fd5f153c5fb6");
	put(f, "a.raw", "content");
	g_assert_cmpstr(key(f, "{'file':'FOLDER/a.raw'}"), ==,
		"sha256-175f1f7f1aa4867779ec0ff684b724746df6bb4f5d0c78c220eca587d44fb3ba");
}

static void test_bootstrap(struct fixture *f, const void *data)
{
	(void)data;
	same(f, "{'bootstrap':{'packages':['b','a','b']}}", "{'bootstrap':{'packages':['a','b']}}");
	same(f, "{'bootstrap':{'packages':[]}}", "{'bootstrap':{}}");
	same(f, "{'bootstrap':{'size':null},'file':null}", "{'bootstrap':{}}");
	differ(f, "{'bootstrap':{'packages':['a']}}", "{'bootstrap':{'packages':['b']}}");
	differ(f, "{'bootstrap':{'release':'bookworm'}}", "{'bootstrap':{'release':'trixie'}}");
	differ(f, "{'bootstrap':{'size':2147483648}}", "{'bootstrap':{'size':3221225472}}");
	differ(f, "{'bootstrap':{'kernel':'linux-image-amd64'}}", "{'bootstrap':{}}");
}

static void test_files(struct fixture *f, const void *data)
{
	(void)data;
	put(f, "a.raw", "content");
	put(f, "b.raw", "content");
	put(f, "c.raw", "another");
	put(f, "plain", "content");
	same(f, "{'file':'FOLDER/a.raw'}", "{'file':'FOLDER/b.raw'}");
	same(f, "{'file':'FOLDER/a.raw'}", "{'file':'FOLDER/plain','format':'raw'}");
	differ(f, "{'file':'FOLDER/a.raw'}", "{'file':'FOLDER/c.raw'}");
	differ(f, "{'file':'FOLDER/a.raw'}", "{'kernel':'FOLDER/a.raw'}");
	differ(f, "{'kernel':'FOLDER/a.raw'}", "{'kernel':'FOLDER/a.raw','initrd':'FOLDER/a.raw'}");
	differ(f, "{'kernel':'FOLDER/a.raw'}", "{'kernel':'FOLDER/a.raw','cmdline':'quiet'}");
	differ(f, "{'file':'FOLDER/a.raw'}", "{'file':'FOLDER/a.raw','login':false}");
	differ(f, "{'file':'FOLDER/a.raw','kernel':'FOLDER/c.raw'}",
		"{'file':'FOLDER/c.raw','kernel':'FOLDER/a.raw'}");
}

/* The same name with other content is another image. */
static void test_rewritten(struct fixture *f, const void *data)
{
	const char *before;

	(void)data;
	put(f, "a.raw", "content");
	before = key(f, "{'file':'FOLDER/a.raw'}");
	put(f, "a.raw", "anothe2");
	g_assert_cmpstr(key(f, "{'file':'FOLDER/a.raw'}"), !=, before);
}

static void expect_error(const struct fixture *f, const char *text, const char *message)
{
	AUTO(error) struct error *err = NULL;
	struct definition definition;
	struct definition_known known;

	g_assert_false(definition_parse(f->arena, parse_text(f, text), &definition, &err) &&
		       definition_learn(f->arena, f->state, &definition, &known, &err));
	g_assert_cmpint(err->class, ==, ERROR_CONFIG);
	if (!g_pattern_match_simple(message, err->message))
		g_assert_cmpstr(err->message, ==, message);
}

static void test_refused(struct fixture *f, const void *data)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"{}", "nothing to make it of"},
		{"[]", "nothing to make it of"},
		{"{'initrd':'/i'}", "nothing to make it of"},
		{"{'file':'/a.img'}", "format: cannot be told from the name of the file"},
		{"{'file':'/a','format':'vmdk'}",
			"format: cannot be told from the name of the file"},
		{"{'kernel':'/k','format':'raw'}",
			"format: there is no 'file' that it could be of"},
		{"{'file':'/a.raw','initrd':'/i'}",
			"initrd and cmdline are for a kernel that is booted directly"},
		{"{'file':'/a.raw','cmdline':'quiet'}",
			"initrd and cmdline are for a kernel that is booted directly"},
		{"{'kernel':'/k','cmdline':'a\\nb'}",
			"cmdline: not plain text of at most 2000 characters"},
		{"{'file':'${machine.a.disk}'}", "a value is not known before machines are made"},
		{"{'bootstrap':{'packages':['a','${x}']}}",
			"a value is not known before machines are made"},
		{"{'bootstrap':{'release':{'$unknown':'machine.a'}}}",
			"a value is not known before machines are made"},
		{"{'bootstrap':{},'file':'/a.raw'}", "'file' does not go with 'bootstrap'"},
		{"{'bootstrap':{},'login':true}", "'login' does not go with 'bootstrap'"},
		{"{'bootstrap':{'size':1024}}",
			"bootstrap: size: not from 1GiB to 1TiB in whole sectors"},
		{"{'bootstrap':{'size':1073741825}}",
			"bootstrap: size: not from 1GiB to 1TiB in whole sectors"},
		{"{'file':'/no/such/file.raw'}",
			"file: cannot open '/no/such/file.raw': No such file or directory"},
		{"{'kernel':'/no/such/kernel'}",
			"kernel: cannot open '/no/such/kernel': No such file or directory"},
		{"{'file':'/dev','format':'raw'}", "file: '/dev' is not a regular file"},
		{"{'file':'/dev/null','format':'raw'}", "file: '/dev/null' is not a regular file"},
		{"{'file':'FOLDER/empty.raw'}", "file: '*/empty.raw' is empty"},
		{"{'file':'FOLDER/text','format':'qcow2'}", "file: '*/text': it is no qcow2 image"},
		{"{'file':'FOLDER/magic','format':'raw'}",
			"file: '*/magic' is a qcow2 image, not raw"},
	};

	(void)data;
	put(f, "empty.raw", "");
	put(f, "text", "text");
	put(f, "magic", "QFI\xfb and so on");
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
		expect_error(f, cases[i].text, cases[i].message);
}

/* All of these become arguments of mmdebstrap or lines that it writes. */
static void test_names(struct fixture *f, const void *data)
{
	static const char *const bad[] = {"", "-x", "--hook", "a,b", "a b", "A", "a\\n",
		"?essential", "~n", "a/b", "a=", "a=-1", "a=1;x", "a=1=2", "../a", "a:amd64"};
	static const char *const good[] = {"a", "g++", "libc6", "a.b-c+d", "a=1:2.3~4-5+b1"};

	(void)data;
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		AUTO(gfree)
		char *packages = g_strdup_printf("{'bootstrap':{'packages':['ok','%s']}}", bad[i]);
		AUTO(gfree) char *kernel = g_strdup_printf("{'bootstrap':{'kernel':'%s'}}", bad[i]);
		AUTO(gfree)
		char *release = g_strdup_printf("{'bootstrap':{'release':'%s'}}", bad[i]);

		expect_error(f, packages, "bootstrap: packages: entry 2 is no name of a package");
		expect_error(f, kernel, "bootstrap: kernel: no name of a package");
		expect_error(f, release, "bootstrap: release: no code name of a release");
	}
	expect_error(f, "{'bootstrap':{'packages':['apt-']}}",
		"bootstrap: packages: entry 1 is no name of a package");
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		AUTO(gfree)
		char *packages = g_strdup_printf("{'bootstrap':{'packages':['%s']}}", good[i]);

		key(f, packages);
	}
}

static void test_size(struct fixture *f, const void *data)
{
	struct definition definition;
	struct definition_known known;
	struct error *err = NULL;

	(void)data;
	put(f, "a.raw", "seven b");
	g_assert_true(definition_parse(
		f->arena, parse_text(f, "{'file':'FOLDER/a.raw'}"), &definition, &err));
	g_assert_true(definition_learn(f->arena, f->state, &definition, &known, &err));
	g_assert_cmpint(known.disk_size, ==, 512);
	g_assert_true(definition.files.login);
}

static void add(const char *name, void (*test)(struct fixture *, const void *))
{
	AUTO(gfree) char *path = g_strdup_printf("/definition/%s", name);

	g_test_add(path, struct fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	add("frozen", test_frozen);
	add("bootstrap", test_bootstrap);
	add("files", test_files);
	add("rewritten", test_rewritten);
	add("refused", test_refused);
	add("names", test_names);
	add("size", test_size);
	return g_test_run();
}
