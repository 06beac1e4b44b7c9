/* Which of a host's sources of packages are those of a release. */
#include "providers/image/sources.c"

static void expect(const char *targets, const char *release, const char *wanted)
{
	g_autoptr(GPtrArray) lines = sources_pick(targets, release);
	GString *all = g_string_new(NULL);

	for (unsigned i = 0; i < lines->len; i++) {
		AUTO(gfree) char *line = g_strdup(lines->pdata[i]);
		char *options = strstr(line, "[signed-by="),
		     *end = options ? strchr(options, ']') : NULL;

		/* Hosts differ in whether they have the keys. */
		if (end)
			memmove(options, end + 2, strlen(end + 2) + 1);
		g_string_append_printf(all, "%s\n", line);
	}
	g_assert_cmpstr(all->str, ==, wanted);
	g_string_free(all, TRUE);
}

static void test_own(void)
{
	static const char host[] =
		"http://deb.debian.org/debian/ bookworm main Debian\n"
		"http://deb.debian.org/debian/ bookworm contrib Debian\n"
		"http://deb.debian.org/debian/ bookworm-updates main Debian\n"
		"https://mirror.test/security/ bookworm-security main Debian\n"
		"http://deb.debian.org/debian/ bookworm-backports main Debian Backports\n"
		"https://download.docker.com/linux/debian/ bookworm stable Docker\n"
		"https://deb.nodesource.com/node_20.x/ nodistro main . nodistro\n";

	expect(host, "bookworm",
		"deb http://deb.debian.org/debian/ bookworm main contrib\n"
		"deb http://deb.debian.org/debian/ bookworm-updates main\n"
		"deb https://mirror.test/security/ bookworm-security main\n");
	expect(host, "trixie", "");
	expect(host, "book", "");
}

/* Two architectures name a component twice; an update is not the release. */
static void test_doubles(void)
{
	g_autoptr(GPtrArray) lines = NULL;

	expect("http://a/ bookworm main Debian\nhttp://a/ bookworm main Debian\n", "bookworm",
		"deb http://a/ bookworm main\n");
	lines = sources_pick("http://a/ bookworm-updates main Debian\n", "bookworm");
	g_assert_cmpuint(lines->len, ==, 1);
	g_assert_false(has_release(lines, "bookworm"));
}

/* Nothing of it may become an option or another line. */
static void test_strange(void)
{
	expect("http://a/ $(CODENAME) main $(ORIGIN)\n", "bookworm", "");
	expect("http://a[trusted=yes]/ bookworm main Debian\n", "bookworm", "");
	expect("file:/srv/debian/ bookworm main Debian\n", "bookworm", "");
	expect("cdrom://[Debian] bookworm main Debian\n", "bookworm", "");
	expect("bookworm main Debian\n", "bookworm", "");
	expect("\n\n   \n", "bookworm", "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sources/own", test_own);
	g_test_add_func("/sources/doubles", test_doubles);
	g_test_add_func("/sources/strange", test_strange);
	return g_test_run();
}
