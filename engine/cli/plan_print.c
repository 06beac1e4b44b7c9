/* One block for each step: sign, address, why; then its fields, one on a line. */
#include "cli/plan_print.h"

#include <string.h>

#include "base/text.h"
#include "cli/output.h"
#include "cli/plan_fields.h"
#include "cli/terminal.h"

enum { ADDRESS_MOST = 36, HINT_INDENT = 8 };

struct printer {
	const struct plan_print *print;
	const struct style *style;
	const struct plan *plan;
	GString *text;
	int address_width;
};

const char *plan_sign(enum step_action action)
{
	static const char *const signs[STEP_ACTIONS] = {"=", "+", "~", "-/+", "-", ">", "?", "!"};

	return signs[action];
}

enum shade plan_shade(enum step_action action)
{
	static const enum shade shades[STEP_ACTIONS] = {SHADE_DIM, SHADE_GREEN, SHADE_YELLOW,
		SHADE_MAGENTA, SHADE_RED, SHADE_CYAN, SHADE_YELLOW, SHADE_RED};

	return shades[action];
}

static char *wait_phrase(const struct step *step, const struct plan *plan)
{
	const struct step *ready = plan->graph->nodes[step->target->nodes[STAGE_READY]].data;
	const char *until = step->stage == STAGE_READY ? "ready" : "up";

	if (step->stage == STAGE_UP && ready->action == STEP_WAIT)
		until = "up and ready";
	return g_strdup_printf("wait until it is %s: %s", until, step->reason);
}

static char *phrase_of(const struct step *step, const struct plan *plan)
{
	if (step->action == STEP_WAIT)
		return wait_phrase(step, plan);
	if (step->action == STEP_NONE)
		return g_strdup("as it should be");
	return g_strdup_printf("%s: %s", step_action_name(step->action), step->reason);
}

static void print_header(struct printer *p, const struct step *step)
{
	AUTO(gfree) char *phrase = phrase_of(step, p->plan);
	AUTO(gfree) char *shown = text_escape(phrase, strlen(phrase));
	AUTO(gfree) char *address = text_escape(step->address, strlen(step->address));
	const struct style *s = p->style;
	int padding = p->address_width - terminal_width(address);

	g_string_append_printf(p->text, "%s%3s%s %s%s%s%*s  %s%s%s\n",
		style_on(s, plan_shade(step->action)), plan_sign(step->action), style_off(s),
		style_on(s, SHADE_BOLD), address, style_off(s), MAX(padding, 0), "",
		style_on(s, SHADE_DIM), shown, style_off(s));
}

static void print_hint(struct printer *p, const struct step *step)
{
	AUTO(gfree) char *shown = step->hint ? output_escape(step->hint) : NULL;

	if (shown)
		output_indent(p->text, shown, HINT_INDENT);
}

static void print_step(struct printer *p, const struct step *step)
{
	print_header(p, step);
	print_hint(p, step);
	plan_fields_print(p->text, p->style, p->plan, step);
}

/* A machine, then what lies inside it. */
static int by_scope(const void *a, const void *b)
{
	const struct step *x = *(struct step *const *)a, *y = *(struct step *const *)b;
	int order = strcmp(x->scope, y->scope);

	if (!order)
		order = strcmp(x->address, y->address);
	return order ? order : (int)x->stage - (int)y->stage;
}

static GPtrArray *shown_steps(const struct plan_print *print, const struct plan *plan)
{
	GPtrArray *steps = g_ptr_array_new();

	for (unsigned i = 0; i < plan->graph->count; i++) {
		struct step *step = plan->graph->nodes[i].data;
		bool idle = step->action == STEP_NONE;

		if (idle ? print->all && step->stage == STAGE_MADE
			 : plan_counted(plan, step) == step)
			g_ptr_array_add(steps, step);
	}
	g_ptr_array_sort(steps, by_scope);
	return steps;
}

static int width_of(const GPtrArray *steps)
{
	int width = 0;

	for (unsigned i = 0; i < steps->len; i++) {
		const struct step *step = steps->pdata[i];
		int own = terminal_width(step->address);

		if (own <= ADDRESS_MOST)
			width = MAX(width, own);
	}
	return width;
}

/* Lists that were cut short: what they would have held is neither kept nor deleted, but unknown. */
static bool print_incomplete(struct printer *p)
{
	g_autoptr(GPtrArray) all = world_incompletes(p->plan->world);
	const struct style *s = p->style;

	if (all->len && p->text->len)
		g_string_append_c(p->text, '\n');
	for (unsigned i = 0; i < all->len; i++) {
		const struct incomplete *one = all->pdata[i];
		AUTO(gfree) char *why = text_escape(one->why, strlen(one->why));
		AUTO(gfree) char *kind = text_escape(one->kind, strlen(one->kind));

		g_string_append_printf(p->text,
			"%s  ?%s %s of provider '%s'  %sunknown: %s%s\n%*snothing of this kind is "
			"created or deleted before that is settled\n",
			style_on(s, SHADE_YELLOW), style_off(s),
			strcmp(kind, "*") ? kind : "everything", one->provider,
			style_on(s, SHADE_DIM), why, style_off(s), HINT_INDENT, "");
	}
	return all->len > 0;
}

static void add_count(struct printer *p, bool *first, unsigned count, enum step_action action)
{
	static const char *const words[STEP_ACTIONS] = {NULL, "to create", "to update",
		"to replace", "to delete", "to wait for", "unknown", "in conflict"};

	if (!count)
		return;
	g_string_append_printf(p->text, "%s%s%u %s%s", *first ? "" : ", ",
		style_on(p->style, plan_shade(action)), count, words[action], style_off(p->style));
	*first = false;
}

static void print_summary(struct printer *p, bool incomplete)
{
	bool first = true;

	if (!plan_empty(p->plan)) {
		g_string_append_printf(
			p->text, "%splan:%s ", style_on(p->style, SHADE_BOLD), style_off(p->style));
		for (int action = STEP_CREATE; action < STEP_ACTIONS; action++)
			add_count(p, &first, p->plan->counts[action], action);
		g_string_append_c(p->text, '\n');
	} else if (incomplete) {
		g_string_append_printf(p->text,
			"fleet '%s': what could be read is as it should be, but not all could\n",
			p->print->fleet);
	} else if (p->plan->fleet) {
		g_string_append_printf(p->text,
			"nothing to change: fleet '%s' is as its file says\n", p->print->fleet);
	} else {
		g_string_append_printf(
			p->text, "nothing to delete: fleet '%s' has nothing\n", p->print->fleet);
	}
}

char *plan_print(const struct plan_print *print, const struct plan *plan)
{
	g_autoptr(GPtrArray) steps = shown_steps(print, plan);
	struct printer p = {print, &print->style, plan, g_string_new(NULL), width_of(steps)};
	const char *scope = NULL;
	bool incomplete;

	for (unsigned i = 0; i < steps->len; i++) {
		const struct step *step = steps->pdata[i];

		if (scope && strcmp(scope, step->scope))
			g_string_append_c(p.text, '\n');
		scope = step->scope;
		print_step(&p, step);
	}
	incomplete = print_incomplete(&p);
	if (p.text->len)
		g_string_append_c(p.text, '\n');
	print_summary(&p, incomplete);
	return g_string_free(p.text, FALSE);
}
