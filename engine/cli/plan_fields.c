/* Values as schema_show() gives them: secrets hidden, late ones named. Long lists and maps that
 * change are shown by what goes and what comes. */
#include "cli/plan_fields.h"

#include <string.h>

#include "base/text.h"
#include "cli/terminal.h"

enum { INDENT = 6, SHORT = 60, WIDTH = 80 };

struct lines {
	GString *text;
	const struct style *style;
	const struct plan *plan;
	const struct step *step;
	const struct field *fields; /* of the kind */
	int name_width;
};

static void widen(struct lines *l, const char *name)
{
	l->name_width = MAX(l->name_width, terminal_width(name));
}

static void start_line(struct lines *l, const char *name)
{
	AUTO(gfree) char *shown = text_escape(name, strlen(name));

	g_string_append_printf(l->text, "%*s%s:%*s ", INDENT, "", shown,
		MAX(l->name_width - terminal_width(shown), 0), "");
}

static void end_line(struct lines *l, const char *note)
{
	if (*note)
		g_string_append_printf(l->text, " %s(%s)%s", style_on(l->style, SHADE_DIM), note,
			style_off(l->style));
	g_string_append_c(l->text, '\n');
}

/* True if the file says it, be it under defaults. */
static bool is_written(const struct lines *l, const char *name)
{
	const struct resource *r = l->step->target->resource;
	const struct value *defaults = r->is_machine ? l->plan->fleet->defaults : NULL;

	return value_get(r->written, name) || value_get(defaults, name);
}

/* A reference is shown by the name that the file gives, which says more than the provider's key. */
static char *show_wanted(const struct lines *l, const struct field *field, const char *name,
	const struct value *value)
{
	const struct value *written = value_get(l->step->target->resource->said, name);

	if (field && field->type == FIELD_REFERENCE && written && written->type == VALUE_STRING)
		return schema_show(NULL, written);
	return schema_show(field, value);
}

/* "accelerator" for "accelerator_used": what a choice that the file may leave to the provider came
 * to. NULL if the output is none such. Caller frees. */
static char *choice_of(const struct lines *l, const char *output)
{
	static const char end[] = "_used";
	AUTO(gfree) char *name = NULL;
	const struct field *field;

	if (!g_str_has_suffix(output, end))
		return NULL;
	name = g_strndup(output, strlen(output) - strlen(end));
	field = schema_find(l->fields, name);
	return field && !field->computed ? g_steal_pointer(&name) : NULL;
}

static const struct value *outputs_of(const struct lines *l)
{
	return l->step->actual ? l->step->actual->outputs : NULL;
}

static bool is_chosen(const struct lines *l, const char *name)
{
	AUTO(gfree) char *output = g_strconcat(name, "_used", NULL);

	return value_get(outputs_of(l), output) != NULL;
}

/* What its provider says of a thing beforehand. Of one that is there already, its choices alone:
 * the rest may become another. What means something on the host alone is for `status`. */
static bool is_foreseen(const struct lines *l, const struct member *m)
{
	const struct field *field = schema_find(l->fields, m->key);
	AUTO(gfree) char *choice = choice_of(l, m->key);

	return field && field->computed && !field->host_only && m->value->type != VALUE_MAP &&
	       m->value->type != VALUE_LIST && m->value->type != VALUE_NULL &&
	       (l->step->action == STEP_CREATE || choice);
}

/* A choice goes by its field's name, unless that has a line of its own. */
static char *foreseen_name(const struct lines *l, const char *output)
{
	AUTO(gfree) char *choice = choice_of(l, output);

	return choice && !is_written(l, choice) ? g_steal_pointer(&choice) : g_strdup(output);
}

/* An empty list says nothing, and what was chosen says more than that it was left open. */
static bool is_telling(const struct lines *l, const struct member *m)
{
	if (is_chosen(l, m->key))
		return false;
	if (m->value->type == VALUE_LIST && !m->value->list.count)
		return false;
	if (m->value->type == VALUE_MAP && !m->value->map.count)
		return false;
	return !is_written(l, m->key);
}

/* What nobody wrote, on as few lines as it takes. */
static void print_defaults(struct lines *l, const struct value *after)
{
	int column = 0, indent = INDENT + l->name_width + 2;

	for (size_t i = 0; i < after->map.count; i++) {
		const struct member *m = &after->map.members[i];
		const struct field *field = schema_find(l->fields, m->key);
		AUTO(gfree) char *value = NULL;
		AUTO(gfree) char *name = NULL;
		AUTO(gfree) char *piece = NULL;

		if (!is_telling(l, m))
			continue;
		value = schema_show(field, m->value);
		name = text_escape(m->key, strlen(m->key));
		piece = g_strdup_printf("%s %s", name, value);
		if (!column) {
			start_line(l, "defaults");
			g_string_append(l->text, style_on(l->style, SHADE_DIM));
			column = indent;
		} else if (column + 2 + terminal_width(piece) > WIDTH) {
			g_string_append_printf(l->text, ",\n%*s", indent, "");
			column = indent;
		} else {
			g_string_append(l->text, ", ");
			column += 2;
		}
		g_string_append(l->text, piece);
		column += terminal_width(piece);
	}
	if (column)
		g_string_append_printf(l->text, "%s\n", style_off(l->style));
}

static void widen_foreseen(struct lines *l)
{
	const struct value *outputs = outputs_of(l);

	for (size_t i = 0; outputs && i < outputs->map.count; i++) {
		AUTO(gfree) char *name = foreseen_name(l, outputs->map.members[i].key);

		if (is_foreseen(l, &outputs->map.members[i]))
			widen(l, name);
	}
}

static void print_foreseen(struct lines *l)
{
	const struct value *outputs = outputs_of(l);

	for (size_t i = 0; outputs && i < outputs->map.count; i++) {
		const struct member *m = &outputs->map.members[i];
		AUTO(gfree) char *name = foreseen_name(l, m->key);
		AUTO(gfree) char *shown = NULL;

		if (!is_foreseen(l, m))
			continue;
		shown = schema_show(schema_find(l->fields, m->key), m->value);
		start_line(l, name);
		g_string_append(l->text, shown);
		end_line(l, "");
	}
}

static void print_created(struct lines *l)
{
	const struct value *after = l->step->target->after;
	bool defaults = false;

	for (size_t i = 0; i < after->map.count; i++) {
		if (is_written(l, after->map.members[i].key))
			widen(l, after->map.members[i].key);
		else
			defaults |= is_telling(l, &after->map.members[i]);
	}
	if (defaults)
		widen(l, "defaults");
	widen_foreseen(l);
	for (size_t i = 0; i < after->map.count; i++) {
		const struct member *m = &after->map.members[i];
		AUTO(gfree) char *shown = NULL;

		if (!is_written(l, m->key))
			continue;
		shown = show_wanted(l, schema_find(l->fields, m->key), m->key, m->value);
		start_line(l, m->key);
		g_string_append(l->text, shown);
		end_line(l, "");
	}
	print_defaults(l, after);
	print_foreseen(l);
}

static char *cost_of(const struct change *change)
{
	GString *note = g_string_new(NULL);

	if (change->class == CHANGE_REBOOT)
		g_string_append(note, "reboot");
	else if (change->class == CHANGE_REPLACE)
		g_string_append(note, "replaces");
	if (change->left_file)
		g_string_append_printf(note, "%sno longer in the file: back to its default",
			note->len ? "; " : "");
	return g_string_free(note, FALSE);
}

static void print_part(
	struct lines *l, enum step_action action, const char *name, const char *shown)
{
	enum shade shade = action == STEP_CREATE ? SHADE_GREEN : SHADE_RED;
	AUTO(gfree) char *key = name ? text_escape(name, strlen(name)) : NULL;

	g_string_append_printf(l->text, "%*s%s%s%s %s%s%s\n", INDENT + 2, "",
		style_on(l->style, shade), action == STEP_CREATE ? "+" : "-", style_off(l->style),
		key ? key : "", key ? ": " : "", shown);
}

/* Times that a value occurs in a list, before the given place. */
static size_t times_in(const struct value *list, const struct value *value, size_t before)
{
	size_t times = 0;

	for (size_t i = 0; i < before; i++)
		times += value_equal(list->list.items[i], value);
	return times;
}

/* Items that `from` has more often than `other`. */
static unsigned print_items(struct lines *l, const struct field *item, enum step_action action,
	const struct value *from, const struct value *other)
{
	unsigned printed = 0;

	for (size_t i = 0; i < from->list.count; i++) {
		const struct value *value = from->list.items[i];
		AUTO(gfree) char *shown = NULL;

		if (times_in(from, value, i) < times_in(other, value, other->list.count))
			continue;
		shown = schema_show(item, value);
		print_part(l, action, NULL, shown);
		printed++;
	}
	return printed;
}

static const struct field *member_field(const struct field *field, const char *key)
{
	if (!field)
		return NULL;
	return field->fields ? schema_find(field->fields, key) : field->item;
}

static void print_members(struct lines *l, const struct field *field, enum step_action action,
	const struct value *from, const struct value *other)
{
	for (size_t i = 0; i < from->map.count; i++) {
		const struct member *m = &from->map.members[i];
		const struct value *there = value_get(other, m->key);
		AUTO(gfree) char *shown = NULL;

		if (there && value_equal(there, m->value))
			continue;
		shown = schema_show(member_field(field, m->key), m->value);
		print_part(l, action, m->key, shown);
	}
}

/* Long lists and maps by their differences. False if that would show nothing. */
static bool print_inside(struct lines *l, const struct change *change, const char *note)
{
	const struct value *before = change->before, *after = change->after;
	const struct field *item = change->field ? change->field->item : NULL;
	size_t start = l->text->len;
	unsigned printed = 1;

	if (!before || !after || before->type != after->type ||
		(before->type != VALUE_LIST && before->type != VALUE_MAP))
		return false;
	start_line(l, change->name);
	while (l->text->len && l->text->str[l->text->len - 1] == ' ')
		g_string_truncate(l->text, l->text->len - 1);
	end_line(l, note);
	if (before->type == VALUE_LIST) {
		printed = print_items(l, item, STEP_DELETE, before, after);
		printed += print_items(l, item, STEP_CREATE, after, before);
	} else {
		print_members(l, change->field, STEP_DELETE, before, after);
		print_members(l, change->field, STEP_CREATE, after, before);
	}
	if (!printed)
		g_string_truncate(l->text, start);
	return printed > 0;
}

static char *show_after(const struct lines *l, const struct change *change)
{
	AUTO(gfree) char *key = schema_show(change->field, change->after);
	AUTO(gfree) char *name = NULL;

	if (!change->field || change->field->type != FIELD_REFERENCE || change->left_file)
		return g_steal_pointer(&key);
	name = show_wanted(l, change->field, change->name, change->after);
	if (!strcmp(name, key))
		return g_steal_pointer(&key);
	return *key == '(' ? g_strdup_printf("%s %s", name, key)
			   : g_strdup_printf("%s (%s)", name, key);
}

static void print_change(struct lines *l, const struct change *change)
{
	AUTO(gfree) char *before = schema_show(change->field, change->before);
	AUTO(gfree) char *after = show_after(l, change);
	AUTO(gfree) char *note = cost_of(change);
	bool sensitive = change->field && change->field->sensitive;

	if (!sensitive && terminal_width(before) + terminal_width(after) > SHORT &&
		print_inside(l, change, note))
		return;
	start_line(l, change->name);
	g_string_append_printf(l->text, "%s %s→%s %s", before, style_on(l->style, SHADE_DIM),
		style_off(l->style), after);
	end_line(l, note);
}

static void print_changed(struct lines *l)
{
	const GArray *changes = l->step->changes;
	bool restarts = l->step->action == STEP_REPLACE || l->step->class == CHANGE_REBOOT;

	for (unsigned i = 0; changes && i < changes->len; i++)
		widen(l, g_array_index(changes, struct change, i).name);
	if (restarts)
		widen_foreseen(l);
	for (unsigned i = 0; changes && i < changes->len; i++)
		print_change(l, &g_array_index(changes, struct change, i));
	if (restarts)
		print_foreseen(l);
}

void plan_fields_print(
	GString *text, const struct style *style, const struct plan *plan, const struct step *step)
{
	struct lines lines = {text, style, plan, step, NULL, 0};

	if (!step->target)
		return;
	lines.fields = step->target->resource->fields;
	if (step->action == STEP_CREATE)
		print_created(&lines);
	else if (step->action == STEP_UPDATE || step->action == STEP_REPLACE)
		print_changed(&lines);
}
