/* Headers of qcow2 images: good ones, and each reason to refuse one. */
#include <sys/mman.h>

#include "providers/image/qcow2.c"

struct image {
	unsigned char bytes[HEADER_MOST];
};

static void put32(struct image *image, size_t at, uint32_t number)
{
	number = htobe32(number);
	memcpy(image->bytes + at, &number, sizeof(number));
}

static void put64(struct image *image, size_t at, uint64_t number)
{
	number = htobe64(number);
	memcpy(image->bytes + at, &number, sizeof(number));
}

static struct image version_3(void)
{
	struct image image = {0};

	put32(&image, 0, MAGIC);
	put32(&image, 4, 3);
	put32(&image, 20, 16);
	put64(&image, 24, 1 << 20);
	put32(&image, 100, LENGTH_3);
	return image;
}

static struct image version_2(void)
{
	struct image image = version_3();

	put32(&image, 4, 2);
	put32(&image, 100, 0);
	return image;
}

static int file_of(const struct image *image, size_t length)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	g_assert_cmpint(write(fd, image->bytes, length), ==, length);
	return fd;
}

static void expect_good(const struct image *image)
{
	AUTO(fd) int fd = file_of(image, HEADER_MOST);
	struct error *err = NULL;
	int64_t size = 0;

	g_assert_true(qcow2_is(fd));
	g_assert_true(qcow2_check(fd, &size, &err));
	g_assert_cmpint(size, ==, 1 << 20);
}

static void expect_cut(const struct image *image, size_t length, const char *message)
{
	AUTO(fd) int fd = file_of(image, length);
	AUTO(error) struct error *err = NULL;
	int64_t size;

	g_assert_false(qcow2_check(fd, &size, &err));
	g_assert_cmpint(err->class, ==, ERROR_CONFIG);
	g_assert_cmpstr(err->message, ==, message);
}

static void expect_bad(const struct image *image, const char *message)
{
	expect_cut(image, HEADER_MOST, message);
}

static void test_good(void)
{
	struct image image = version_3();

	expect_good(&image);
	put64(&image, 72, FEATURE_COMPRESSION | FEATURE_EXTENDED_L2);
	put64(&image, 80, 0xff); /* compatible features are nobody's business */
	expect_good(&image);
	put32(&image, LENGTH_3, 0x6803f857); /* table of feature names */
	put32(&image, LENGTH_3 + 4, 13);
	expect_good(&image);
	image = version_2();
	expect_good(&image);
}

static void test_no_image(void)
{
	struct image image = version_3();
	AUTO(fd) int raw = memfd_create("raw", MFD_CLOEXEC);

	expect_cut(&image, 0, "it is no qcow2 image");
	expect_cut(&image, LENGTH_2 - 1, "it is no qcow2 image");
	put32(&image, 0, MAGIC + 1);
	expect_bad(&image, "it is no qcow2 image");
	g_assert_false(qcow2_is(raw));
}

/* What names another file is how an image reads those of its host. */
static void test_other_files(void)
{
	struct image image = version_3();

	put64(&image, 8, 1024);
	put32(&image, 16, 11);
	expect_bad(&image, "it names a backing file");
	put32(&image, 16, 0);
	expect_bad(&image, "it names a backing file");
	image = version_2();
	put64(&image, 8, 1024);
	expect_bad(&image, "it names a backing file");
	image = version_3();
	put32(&image, LENGTH_3, EXTENSION_BACKING_FORMAT);
	put32(&image, LENGTH_3 + 4, 5);
	expect_bad(&image, "it names a backing file");
	image = version_3();
	put64(&image, 72, FEATURE_DATA_FILE);
	expect_bad(&image, "its content lies in another file");
	image = version_3();
	put32(&image, LENGTH_3, 0x6803f857);
	put32(&image, LENGTH_3 + 4, 48);
	put32(&image, LENGTH_3 + 56, EXTENSION_DATA_FILE);
	put32(&image, LENGTH_3 + 60, 8);
	expect_bad(&image, "it names a data file");
}

static void test_features(void)
{
	struct image image = version_3();

	put64(&image, 72, FEATURE_DIRTY);
	expect_bad(&image, "it was not closed cleanly or is damaged");
	put64(&image, 72, FEATURE_CORRUPT);
	expect_bad(&image, "it was not closed cleanly or is damaged");
	put64(&image, 72, 1 << 5);
	expect_bad(&image, "it needs features that are not known here (0x20)");
	put64(&image, 72, (uint64_t)1 << 63);
	expect_bad(&image, "it needs features that are not known here (0x8000000000000000)");
	image = version_3();
	put32(&image, 32, 2);
	expect_bad(&image, "it is encrypted");
	image = version_3();
	put32(&image, 4, 4);
	expect_bad(&image, "version 4 of the format is not known here");
	put32(&image, 4, 1);
	expect_bad(&image, "version 1 of the format is not known here");
}

static void test_bounds(void)
{
	static const uint64_t sizes[] = {0, 511, 513, ((uint64_t)1 << 56) + 512, UINT64_MAX};
	static const uint32_t clusters[] = {0, 8, 22, UINT32_MAX};
	static const uint32_t lengths[] = {0, 72, 105, 1 << 20, UINT32_MAX};
	struct image image;

	for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
		image = version_3();
		put64(&image, 24, sizes[i]);
		expect_bad(&image, "its disk has no possible size");
	}
	for (size_t i = 0; i < G_N_ELEMENTS(clusters); i++) {
		image = version_3();
		put32(&image, 20, clusters[i]);
		expect_bad(&image, "its clusters have no possible size");
	}
	for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
		image = version_3();
		put32(&image, 100, lengths[i]);
		expect_bad(&image, "its header is cut short or too long");
	}
	expect_cut(&image, 100, "its header is cut short or too long");
}

/* A list that leads out of the header, and one that never ends. */
static void test_extensions(void)
{
	struct image image = version_3();

	put32(&image, LENGTH_3, 7);
	put32(&image, LENGTH_3 + 4, UINT32_MAX);
	expect_bad(&image, "its header has extensions without an end");
	image = version_3();
	for (size_t at = LENGTH_3; at + 8 <= HEADER_MOST; at += 8)
		put32(&image, at, 7);
	expect_bad(&image, "its header has extensions without an end");
	image = version_3();
	expect_cut(&image, LENGTH_3, "its header has extensions without an end");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/qcow2/good", test_good);
	g_test_add_func("/qcow2/no-image", test_no_image);
	g_test_add_func("/qcow2/other-files", test_other_files);
	g_test_add_func("/qcow2/features", test_features);
	g_test_add_func("/qcow2/bounds", test_bounds);
	g_test_add_func("/qcow2/extensions", test_extensions);
	return g_test_run();
}
