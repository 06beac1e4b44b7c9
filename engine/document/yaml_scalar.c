/* Plain scalars by the core schema of YAML 1.2: yes, no, on, 1:30 and 1_000 are strings. */
#include "document/yaml_scalar.h"

#include <errno.h>
#include <math.h>
#include <string.h>

static bool is_one_of(const char *text, size_t length, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == length && !memcmp(*words, text, length))
			return true;
	return false;
}

static size_t digits(const char *p, const char *end)
{
	const char *from = p;

	while (p < end && g_ascii_isdigit(*p))
		p++;
	return p - from;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?  *integer: neither point nor
 * exponent. */
static bool is_number(const char *text, const char *end, bool *integer)
{
	const char *p = text;
	size_t before, behind = 0;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	p += before = digits(p, end);
	*integer = p == end;
	if (p < end && *p == '.') {
		p++;
		p += behind = digits(p, end);
	}
	if (before + behind == 0)
		return false;
	if (p == end || (*p != 'e' && *p != 'E'))
		return p == end;
	p++;
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	return digits(p, end) > 0 && p + digits(p, end) == end;
}

/* The amount of `digits` in the base; false when it does not fit. */
static bool amount(const char *p, const char *end, int base, bool negative, int64_t *amount)
{
	*amount = 0;
	for (; p < end; p++) {
		int digit = g_ascii_xdigit_value(*p);

		if (__builtin_mul_overflow(*amount, base, amount) ||
			__builtin_add_overflow(*amount, negative ? -digit : digit, amount))
			return false;
	}
	return true;
}

static enum scalar_fault decimal(const char *text, const char *end, struct value *value)
{
	bool sign = *text == '-' || *text == '+';

	value->type = VALUE_INTEGER;
	return amount(text + sign, end, 10, *text == '-', &value->integer) ? SCALAR_FINE
									   : SCALAR_RANGE;
}

static enum scalar_fault floating(const char *text, size_t length, struct value *value)
{
	AUTO(gfree) char *copy = g_strndup(text, length);

	value->type = VALUE_NUMBER;
	value->number = g_ascii_strtod(copy, NULL);
	return isfinite(value->number) ? SCALAR_FINE : SCALAR_RANGE;
}

/* 0o17 and 0x1F, which have no sign. */
static bool based(const char *text, const char *end, struct value *value, enum scalar_fault *fault)
{
	int base = end - text < 3 || *text != '0' ? 0
		   : text[1] == 'o'		  ? 8
		   : text[1] == 'x'		  ? 16
						  : 0;

	if (!base)
		return false;
	for (const char *p = text + 2; p < end; p++)
		if (g_ascii_xdigit_value(*p) < 0 || g_ascii_xdigit_value(*p) >= base)
			return false;
	value->type = VALUE_INTEGER;
	*fault = amount(text + 2, end, base, false, &value->integer) ? SCALAR_FINE : SCALAR_RANGE;
	return true;
}

static bool word(const char *text, size_t length, struct value *value, enum scalar_fault *fault)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	static const char *const infinite[] = {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF",
		"-.inf", "-.Inf", "-.INF", ".nan", ".NaN", ".NAN", NULL};

	*fault = SCALAR_FINE;
	if (is_one_of(text, length, nulls)) {
		value->type = VALUE_NULL;
	} else if (is_one_of(text, length, trues) || is_one_of(text, length, falses)) {
		value->type = VALUE_BOOLEAN;
		value->boolean = *text == 't' || *text == 'T';
	} else if (is_one_of(text, length, infinite)) {
		value->type = VALUE_NUMBER;
		*fault = SCALAR_INFINITE;
	} else {
		return false;
	}
	return true;
}

enum scalar_fault scalar_resolve(const char *text, size_t length, struct value *value)
{
	const char *end = text + length;
	enum scalar_fault fault;
	bool integer;

	if (length <= 5 && word(text, length, value, &fault))
		return fault;
	if (based(text, end, value, &fault))
		return fault;
	if (is_number(text, end, &integer))
		return integer ? decimal(text, end, value) : floating(text, length, value);
	value->type = VALUE_STRING;
	return SCALAR_FINE;
}
