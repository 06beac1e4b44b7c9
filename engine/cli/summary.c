/* The last lines of a run. */
#include "cli/summary.h"

#include <string.h>

#include "base/quote.h"
#include "base/text.h"
#include "cli/output.h"

enum { LISTED_MOST = 20, WAYS_MOST = 8 };

static const char *const done_words[STEP_ACTIONS] = {
	NULL, "created", "updated", "replaced", "deleted", "waited for", NULL, NULL};

static bool went_well(const struct totals *t)
{
	return !t->failed && !t->skipped && !t->signal;
}

static void add_part(GString *text, unsigned count, const char *word)
{
	if (count)
		g_string_append_printf(text, "%s%u %s", text->len ? ", " : "", count, word);
}

static char *counts_of(const struct totals *t)
{
	GString *text = g_string_new(NULL);

	for (int action = STEP_CREATE; action <= STEP_DELETE; action++)
		add_part(text, t->actions[action], done_words[action]);
	/* Of waits one wants to hear only when there was nothing else. */
	if (!t->changes)
		add_part(text, t->actions[STEP_WAIT], done_words[STEP_WAIT]);
	add_part(text, t->failed, "failed");
	add_part(text, t->skipped, "skipped");
	if (!text->len)
		g_string_append(text, "nothing");
	return g_string_free(text, FALSE);
}

static const char *title_of(const struct totals *t)
{
	if (went_well(t))
		return "done";
	if (t->signal)
		return "interrupted";
	return t->changes || t->uncertain ? "partly done" : "failed";
}

static void add_endings(
	GString *text, const struct style *style, const GPtrArray *endings, const char *word)
{
	unsigned count = MIN(endings->len, LISTED_MOST);

	for (unsigned i = 0; i < count; i++) {
		const struct view_ending *e = endings->pdata[i];
		AUTO(gfree) char *address = text_escape(e->step->address, strlen(e->step->address));

		g_string_append_printf(text, "  %s%-7s%s  %s: %.*s\n",
			style_on(style, *word == 'f' ? SHADE_RED : SHADE_YELLOW), word,
			style_off(style), address, (int)strcspn(e->text, "\n"), e->text);
	}
	if (count < endings->len)
		g_string_append_printf(text, "  … and %u more %s\n", endings->len - count, word);
}

/* A word of a command line as one would type it. */
static char *typed(const char *word)
{
	size_t plain = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "._/-");
	AUTO(gfree) char *quoted = quote_word(word);

	if (*word && !word[plain])
		return g_strdup(word);
	return text_escape(quoted, strlen(quoted));
}

/* The options that find this fleet again. */
static char *same_fleet(const struct summary *s)
{
	GString *text = g_string_new(NULL);
	const char *file = s->invocation->operand;

	if (s->invocation->state_dir) {
		AUTO(gfree) char *word = typed(s->invocation->state_dir);

		g_string_append_printf(text, " --state-dir %s", word);
	}
	if (file && strcmp(file, "fleet.yaml")) {
		AUTO(gfree) char *word = typed(file);

		g_string_append_printf(text, " -f %s", word);
	}
	return g_string_free(text, FALSE);
}

/* Machines of this run that can be logged in to now. */
static bool is_way_in(const struct step *step)
{
	return step->action == STEP_WAIT && step->stage == STAGE_READY && step->target &&
	       value_get_map(step->target->outputs, "connection");
}

static void add_ways(GString *text, const struct summary *s)
{
	AUTO(gfree) char *options = same_fleet(s);
	const GPtrArray *steps = s->session->plan->steps;
	unsigned count = 0;

	for (unsigned i = 0; i < steps->len; i++) {
		const struct step *step = steps->pdata[i];

		if (is_way_in(step) && ++count <= WAYS_MOST)
			g_string_append_printf(text, "  provision ssh%s %s\n", options, step->name);
	}
	if (count > WAYS_MOST)
		g_string_append_printf(text, "  … and %u more\n", count - WAYS_MOST);
}

void summary_print(const struct summary *s)
{
	struct style style = style_for(s->invocation, STDERR_FILENO);
	AUTO(gfree) char *counts = counts_of(s->totals);
	AUTO(gfree) char *took = duration_format(view_elapsed(s->view));
	GString *text = g_string_new(NULL);
	bool well = went_well(s->totals);

	g_string_append_printf(text, "\n%s%s:%s %s in %s\n",
		style_on(&style, well ? SHADE_GREEN : SHADE_RED), title_of(s->totals),
		style_off(&style), counts, took);
	add_endings(text, &style, view_failed(s->view), "failed");
	add_endings(text, &style, view_skipped(s->view), "skipped");
	if (well)
		add_ways(text, s);
	else if (!s->totals->signal)
		g_string_append(text, "what is missing, the next run will do\n");
	if (s->gone)
		g_string_append_printf(text, "nothing of fleet '%s' is left\n", s->session->name);
	output_people_text(text->str);
	g_string_free(text, TRUE);
}

int summary_code(const struct summary *s)
{
	const struct totals *t = s->totals;
	g_autoptr(GPtrArray) incompletes = world_incompletes(s->session->world);

	if (t->signal)
		return EXIT_SIGNALLED + t->signal;
	if (t->changes || t->uncertain)
		return t->failed || t->skipped || incompletes->len ? EXIT_PARTLY : EXIT_DONE;
	if (t->failed)
		return t->unreachable == t->failed ? EXIT_UNREACHABLE : EXIT_FAILED;
	return incompletes->len ? EXIT_UNREACHABLE : EXIT_DONE;
}
