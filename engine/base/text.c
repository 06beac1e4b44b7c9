/* Text for people. */
#include "base/text.h"

#include <string.h>

struct unit {
	const char *name;
	int64_t scale;
};

static const struct unit sizes[] = {
	{"", 1},
	{"B", 1},
	{"K", 1LL << 10},
	{"KiB", 1LL << 10},
	{"KB", 1000},
	{"M", 1LL << 20},
	{"MiB", 1LL << 20},
	{"MB", 1000000},
	{"G", 1LL << 30},
	{"GiB", 1LL << 30},
	{"GB", 1000000000},
	{"T", 1LL << 40},
	{"TiB", 1LL << 40},
	{"TB", 1000000000000},
	{NULL, 0},
};

static const struct unit durations[] = {
	{"ms", 1},
	{"s", 1000},
	{"m", 60000},
	{"h", 3600000},
	{"d", 86400000},
	{NULL, 0},
};

static const struct unit *unit_find(const struct unit *units, const char *name, size_t length)
{
	for (; units->name; units++)
		if (strlen(units->name) == length && !strncmp(units->name, name, length))
			return units;
	return NULL;
}

static bool digits_parse(const char **text, int64_t *value)
{
	const char *p = *text;

	*value = 0;
	if (!g_ascii_isdigit(*p))
		return false;
	for (; g_ascii_isdigit(*p); p++)
		if (__builtin_mul_overflow(*value, 10, value) ||
			__builtin_add_overflow(*value, *p - '0', value))
			return false;
	*text = p;
	return true;
}

bool size_parse(const char *text, int64_t *bytes)
{
	const struct unit *unit;
	int64_t value;

	if (!digits_parse(&text, &value))
		return false;
	while (*text == ' ')
		text++;
	unit = unit_find(sizes, text, strlen(text));
	return unit && !__builtin_mul_overflow(value, unit->scale, bytes);
}

char *size_format(int64_t bytes)
{
	static const char *const names[] = {"TiB", "GiB", "MiB", "KiB"};

	for (int i = 0; i < 4; i++) {
		int64_t scale = 1LL << (40 - 10 * i);

		if (bytes >= scale && bytes % scale == 0)
			return g_strdup_printf("%" G_GINT64_FORMAT "%s", bytes / scale, names[i]);
	}
	return g_strdup_printf("%" G_GINT64_FORMAT, bytes);
}

bool duration_parse(const char *text, int64_t *milliseconds)
{
	int64_t total = 0, value;

	if (!*text)
		return false;
	while (*text) {
		const struct unit *unit;
		size_t length = 0;

		if (!digits_parse(&text, &value))
			return false;
		while (g_ascii_isalpha(text[length]))
			length++;
		unit = unit_find(durations, length ? text : "s", length ? length : 1);
		if (!unit || __builtin_mul_overflow(value, unit->scale, &value) ||
			__builtin_add_overflow(total, value, &total))
			return false;
		text += length;
	}
	*milliseconds = total;
	return true;
}

char *duration_format(int64_t ms)
{
	if (ms < 1000)
		return g_strdup_printf("%dms", (int)ms);
	if (ms < 60000)
		return g_strdup_printf("%d.%ds", (int)(ms / 1000), (int)(ms % 1000 / 100));
	if (ms < 3600000)
		return g_strdup_printf("%dm%02ds", (int)(ms / 60000), (int)(ms % 60000 / 1000));
	return g_strdup_printf(
		"%" G_GINT64_FORMAT "h%02dm", ms / 3600000, (int)(ms % 3600000 / 60000));
}

char *duration_exact(int64_t ms)
{
	static const struct unit parts[] = {{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
	GString *text = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
		if (ms >= parts[i].scale)
			g_string_append_printf(
				text, "%" G_GINT64_FORMAT "%s", ms / parts[i].scale, parts[i].name);
		ms %= parts[i].scale;
	}
	if (!text->len)
		g_string_append(text, "0s");
	return g_string_free(text, FALSE);
}

/* Optimal string alignment: a swap of neighbours counts as one, as it is the usual slip. */
static int distance(const char *a, const char *b)
{
	enum { MOST = 64 };
	int rows[3][MOST + 1];
	int n = strlen(a), m = strlen(b);

	if (n > MOST || m > MOST)
		return INT32_MAX;
	for (int j = 0; j <= m; j++)
		rows[0][j] = j;
	for (int i = 1; i <= n; i++) {
		int *row = rows[i % 3], *above = rows[(i + 2) % 3], *top = rows[(i + 1) % 3];

		row[0] = i;
		for (int j = 1; j <= m; j++) {
			int cost = g_ascii_tolower(a[i - 1]) != g_ascii_tolower(b[j - 1]);

			row[j] = MIN(MIN(above[j] + 1, row[j - 1] + 1), above[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = MIN(row[j], top[j - 2] + 1);
		}
	}
	return rows[n % 3][m];
}

const char *text_suggest(const char *word, const char *const *choices)
{
	const char *best = NULL;
	int limit = MAX(1, (int)strlen(word) / 3), least = limit + 1;

	for (; *choices; choices++) {
		int d = distance(word, *choices);

		if (d < least) {
			least = d;
			best = *choices;
		}
	}
	return best;
}

/* C1 controls (U+0080 to U+009F), and the marks that change the direction of text or hide it. */
static bool harmless(gunichar c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfeff)
		return false;
	return !((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		 (c >= 0x2066 && c <= 0x2069));
}

static char *escape(const char *bytes, size_t length, bool lines)
{
	GString *text = g_string_sized_new(length + 8);
	const char *p = bytes, *end = bytes + length;

	while (p < end) {
		gunichar c = g_utf8_get_char_validated(p, end - p);
		const char *next = p + 1;
		bool valid = c != (gunichar)-1 && c != (gunichar)-2;

		if (valid)
			next = *p ? g_utf8_next_char(p) : p + 1;
		if (valid && (harmless(c) || (lines && c == '\n')))
			g_string_append_len(text, p, next - p);
		else if (*p == '\n')
			g_string_append(text, "\\n");
		else if (*p == '\t')
			g_string_append(text, "\\t");
		else
			for (const char *q = p; q < next; q++)
				g_string_append_printf(text, "\\x%02x", (unsigned char)*q);
		p = next;
	}
	return g_string_free(text, FALSE);
}

char *text_escape(const char *bytes, size_t length)
{
	return escape(bytes, length, false);
}

char *text_escape_lines(const char *bytes, size_t length)
{
	return escape(bytes, length, true);
}

bool name_valid(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return length && !name[length] && length <= 63 && name[0] != '-' && name[length - 1] != '-';
}

int64_t clock_now(void)
{
	return g_get_monotonic_time() / 1000;
}

char *clock_text(void)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();

	return g_date_time_format(now, "%Y-%m-%dT%H:%M:%SZ");
}
