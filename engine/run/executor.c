/* A count of unmet dependencies for each node, and a ready queue for each provider and kind: that
 * is the whole executor. */
#include "run/executor.h"

#include <string.h>

#include "base/heap.h"
#include "base/text.h"
#include "run/change.h"
#include "run/refresh.h"

enum {
	LIMIT_UNSAID = 600000,
	GRACE_MOST = 30000,
	BATCH_MOST = 512,
	TRIES_MOST = 5,
	FIRST_PAUSE = 250, /* milliseconds; each pause is twice the one before */
};

enum job_state { JOB_WAITING, JOB_QUEUED, JOB_RUNNING, JOB_ENDED };

/* A node of the graph on its way. */
struct job {
	struct step *step;
	enum job_state state;
	unsigned unmet;
	unsigned rank;		  /* place among the plan's steps */
	const struct step *blame; /* the first failed step that it depends on */
	int64_t started;
	bool answered;
	unsigned tries;	       /* that failed and were followed by another one */
	struct error *trouble; /* of the last of them: it is to be tried again; or NULL */
	unsigned timer;	       /* until it is, or 0 */
	struct executor *executor;
	struct lane *lane; /* once it was tried */
};

/* The steps of one provider and kind. */
struct lane {
	struct client *client;
	const struct client_kind *kind;
	unsigned running;
	struct heap queue; /* ranks: in order of address */
};

/* One request under way. */
struct errand {
	struct executor *executor;
	struct lane *lane;
	struct request *request;
	GPtrArray *jobs;
};

struct executor {
	struct plan *plan;
	const struct state *state;
	struct providers *providers;
	const struct executor_options *options;
	struct totals *totals;
	struct job *jobs;
	GHashTable *lanes; /* "provider kind" → struct lane */
	GPtrArray *order;  /* lanes as they came */
	GPtrArray *errands;
	GQueue fresh;	    /* jobs whose last dependency has just ended */
	GPtrArray *pausing; /* jobs that are to be tried again */
	unsigned left;
	int64_t started;
	bool cancelled;
};

static void tell(struct executor *x, enum event_type type, const struct job *job, const char *text,
	const struct error *err)
{
	struct event event = {.type = type, .text = text, .error = err, .totals = x->totals};

	event.step = job ? job->step : NULL;
	event.elapsed = clock_now() - (job ? job->started : x->started);
	x->options->sink(x->options->data, &event);
}

/* Ends a job and lets go of what waits for it. */
static void end(struct executor *x, struct job *job, const struct step *blame)
{
	const struct graph_node *node = &x->plan->graph->nodes[job->step->node];

	job->state = JOB_ENDED;
	x->left--;
	for (unsigned i = 0; i < node->next_count; i++) {
		struct job *next = &x->jobs[node->next[i]];

		if (!next->blame)
			next->blame = blame;
		if (--next->unmet == 0 && next->state == JOB_WAITING)
			g_queue_push_tail(&x->fresh, next);
	}
}

static bool is_change(const struct step *step)
{
	return step->action >= STEP_CREATE && step->action <= STEP_DELETE;
}

static void job_done(struct executor *x, struct job *job, enum event_type type)
{
	if (!job->step->implied)
		x->totals->done++;
	if (is_change(job->step) && type == EVENT_STEP_DONE)
		x->totals->changes++;
	if (!job->step->implied && type == EVENT_STEP_DONE)
		x->totals->actions[job->step->action]++;
	tell(x, type, job, NULL, NULL);
	end(x, job, NULL);
}

static void job_failed(struct executor *x, struct job *job, const struct error *err)
{
	x->totals->failed++;
	/* No answer says nothing of what was done until then. */
	if (is_change(job->step) && job->state == JOB_RUNNING &&
		(!job->answered || job->tries || err->class == ERROR_UNAVAILABLE ||
			err->class == ERROR_TIMEOUT || err->class == ERROR_INTERNAL ||
			err->class == ERROR_CANCELLED))
		x->totals->uncertain++;
	tell(x, EVENT_STEP_FAILED, job, NULL, err);
	end(x, job, job->step);
}

static void job_skipped(struct executor *x, struct job *job, const char *why)
{
	if (job->step->action != STEP_NONE) {
		if (!job->step->implied)
			x->totals->skipped++;
		tell(x, EVENT_STEP_SKIPPED, job, why, NULL);
	}
	end(x, job, job->blame);
}

static void skip_blamed(struct executor *x, struct job *job)
{
	bool itself = !strcmp(job->blame->address, job->step->address);
	AUTO(gfree)
	char *why = itself ? g_strdup_printf(
				     "its step '%s' failed", step_action_name(job->blame->action))
			   : g_strdup_printf("needs %s, which failed", job->blame->address);

	job->started = clock_now();
	job_skipped(x, job, why);
}

static struct lane *lane_of(struct executor *x, const struct step *step, struct error **err)
{
	AUTO(gfree) char *key = g_strdup_printf("%s %s", step->provider, step->kind);
	struct lane *lane = g_hash_table_lookup(x->lanes, key);
	struct client *client;

	if (lane)
		return lane;
	client = providers_get(x->providers, step->provider, err);
	if (!client)
		return NULL;
	if (!client_kind(client, step->kind)) {
		error_set(err, ERROR_MISSING, "provider '%s' has no kind '%s'", step->provider,
			step->kind);
		return NULL;
	}
	lane = g_new0(struct lane, 1);
	lane->client = client;
	lane->kind = client_kind(client, step->kind);
	g_hash_table_insert(x->lanes, g_steal_pointer(&key), lane);
	g_ptr_array_add(x->order, lane);
	return lane;
}

static void enqueue(struct lane *lane, struct job *job)
{
	heap_push(&lane->queue, job->rank);
	job->state = JOB_QUEUED;
}

static void fail_unread(struct executor *x, struct job *job)
{
	AUTO(error) struct error *err = NULL;

	error_set(&err, job->step->error, "%s: %s", job->step->address, job->step->reason);
	if (job->step->hint)
		error_hint(&err, "%s", job->step->hint);
	x->totals->unreachable++;
	job_failed(x, job, err);
}

/* What is there already, as it should be, is no worse for what became of that which it came from.
 */
static bool is_settled(const struct step *step)
{
	return step->action == STEP_NONE && step->stage == STAGE_MADE && step->target;
}

/* A job that waits for nothing any more. */
static void admit(struct executor *x, struct job *job)
{
	AUTO(error) struct error *err = NULL;
	struct lane *lane;

	job->started = clock_now();
	if (is_settled(job->step)) {
		end(x, job, NULL);
	} else if (job->blame) {
		skip_blamed(x, job);
	} else if (job->step->action == STEP_NONE) {
		end(x, job, NULL);
	} else if (job->step->action == STEP_UNKNOWN || job->step->action == STEP_CONFLICT) {
		fail_unread(x, job);
	} else {
		lane = lane_of(x, job->step, &err);
		if (lane)
			enqueue(lane, job);
		else
			job_failed(x, job, err);
	}
}

static int on_pause_over(void *data)
{
	struct job *job = data;

	job->timer = 0;
	job->answered = false;
	error_clear(&job->trouble);
	g_ptr_array_remove_fast(job->executor->pausing, job);
	enqueue(job->lane, job);
	return G_SOURCE_REMOVE;
}

static void pause_job(struct executor *x, struct lane *lane, struct job *job)
{
	int64_t pause = (int64_t)FIRST_PAUSE << job->tries++;
	/* Each message of a failed step starts with its address. */
	const char *message = job->trouble->message + strlen(job->step->address) + 2;
	AUTO(gfree) char *shown = duration_format(pause);
	AUTO(gfree)
	char *text = g_strdup_printf("unavailable, trying again in %s (%u of %d): %s", shown,
		job->tries, TRIES_MOST - 1, message);

	tell(x, EVENT_STEP_PROGRESS, job, text, NULL);
	job->lane = lane;
	job->timer = g_timeout_add(pause, on_pause_over, job);
	g_ptr_array_add(x->pausing, job);
}

/* Only what may be otherwise in a moment is tried again: the request says what it expects, so that
 * a try that did succeed after all is not done twice. The pause begins with the end of the request.
 */
static bool to_be_tried(
	const struct executor *x, const struct lane *lane, struct job *job, const struct error *err)
{
	if (err->class != ERROR_UNAVAILABLE || job->tries + 1 >= TRIES_MOST || x->totals->signal ||
		!client_alive(lane->client))
		return false;
	error_set(&job->trouble, err->class, "%s", err->message);
	if (err->hint)
		error_hint(&job->trouble, "%s", err->hint);
	job->answered = true;
	return true;
}

static void fail_pausing(struct executor *x)
{
	while (x->pausing->len) {
		struct job *job = x->pausing->pdata[0];
		AUTO(error) struct error *err = g_steal_pointer(&job->trouble);

		g_source_remove(job->timer);
		job->timer = 0;
		g_ptr_array_remove_index_fast(x->pausing, 0);
		job_failed(x, job, err);
	}
}

static struct job *job_at(struct errand *errand, const char *address)
{
	for (unsigned i = 0; address && i < errand->jobs->len; i++) {
		struct job *job = errand->jobs->pdata[i];

		if (!strcmp(job->step->address, address))
			return job;
	}
	return NULL;
}

/* What the provider said of the object becomes what later steps see. */
static void take_outputs(struct executor *x, struct job *job, const struct value *answer)
{
	const struct value *outputs = value_get_map(answer, "outputs");
	struct target *t = job->step->target;

	if (!t)
		return;
	if (outputs)
		t->outputs = value_copy(x->plan->arena, outputs);
	t->settled = true;
}

static void fail_stale(struct executor *x, struct job *job, const char *text)
{
	AUTO(error) struct error *err = NULL;

	error_set(&err, ERROR_CONFLICT, "%s: is not as it was when the plan was made: %s",
		job->step->address, text ? text : "it has changed");
	error_hint(&err, "run apply again: the new plan starts from what is there now");
	job_failed(x, job, err);
}

static void fail_foreign(struct executor *x, struct job *job, const char *text)
{
	AUTO(error) struct error *err = NULL;

	error_set(&err, ERROR_CONFLICT, "%s: is not ours: %s", job->step->address,
		text ? text : "it bears another mark");
	job_failed(x, job, err);
}

static void fail_answered(
	struct executor *x, const struct lane *lane, struct job *job, const struct value *answer)
{
	const struct value *said = value_get_map(answer, "error");
	const char *message = value_get_string(said, "message");
	const char *hint = value_get_string(said, "hint");
	const char *text = value_get_string(answer, "text");
	AUTO(error) struct error *err = NULL;

	if (!message)
		message = text ? text : "its provider gave an answer that makes no sense";
	error_set(&err, said ? error_class_parse(value_get_string(said, "class")) : ERROR_INTERNAL,
		"%s: %s", job->step->address, message);
	if (hint)
		error_hint(&err, "%s", hint);
	if (!to_be_tried(x, lane, job, err))
		job_failed(x, job, err);
}

/* "up" and "ready" are of the present boot: it may have restarted while its provider waited. */
static bool has_arrived(const struct job *job, const struct value *answer)
{
	return job->step->action != STEP_WAIT ||
	       value_get_boolean(answer, stage_name(job->step->stage), false);
}

static void fail_not_there(struct executor *x, struct job *job)
{
	AUTO(error) struct error *err = NULL;

	error_set(&err, ERROR_FAILED, "%s: was waited for, but is not %s", job->step->address,
		stage_name(job->step->stage));
	error_hint(&err, "it may have restarted meanwhile: run apply again");
	job_failed(x, job, err);
}

static void on_object(void *data, const struct value *answer)
{
	struct errand *errand = data;
	struct executor *x = errand->executor;
	struct job *job = job_at(errand, value_get_string(answer, "address"));
	const char *status = value_get_string(answer, "status");
	bool waiting = job && job->step->action == STEP_WAIT;

	if (!job || job->answered)
		return;
	job->answered = true;
	if (!g_strcmp0(status, "present") && !has_arrived(job, answer)) {
		fail_not_there(x, job);
	} else if (!g_strcmp0(status, waiting ? "present" : "changed")) {
		take_outputs(x, job, answer);
		job_done(x, job, EVENT_STEP_DONE);
	} else if (!g_strcmp0(status, "stale")) {
		fail_stale(x, job, value_get_string(answer, "text"));
	} else if (!g_strcmp0(status, "foreign")) {
		fail_foreign(x, job, value_get_string(answer, "text"));
	} else {
		fail_answered(x, errand->lane, job, answer);
	}
}

static void on_progress(void *data, const char *address, const char *text)
{
	struct errand *errand = data;
	struct job *job = job_at(errand, address);

	if (!job && errand->jobs->len)
		job = errand->jobs->pdata[0];
	if (job && !job->answered)
		tell(errand->executor, EVENT_STEP_PROGRESS, job, text, NULL);
}

static void fail_unanswered(
	struct executor *x, const struct lane *lane, struct job *job, const struct error *cause)
{
	AUTO(error) struct error *err = NULL;

	error_set(&err, cause ? cause->class : ERROR_INTERNAL, "%s: %s", job->step->address,
		cause ? cause->message : "its provider gave no answer");
	if (cause && cause->hint)
		error_hint(&err, "%s", cause->hint);
	if (!to_be_tried(x, lane, job, err))
		job_failed(x, job, err);
}

static void on_done(void *data, bool complete, const struct error *err)
{
	struct errand *errand = data;
	struct executor *x = errand->executor;

	(void)complete;
	errand->lane->running--;
	for (unsigned i = 0; i < errand->jobs->len; i++) {
		struct job *job = errand->jobs->pdata[i];

		if (!job->answered)
			fail_unanswered(x, errand->lane, job, err);
		if (job->trouble)
			pause_job(x, errand->lane, job);
	}
	/* While this request ended, an interrupt may have come. */
	if (x->totals->signal)
		fail_pausing(x);
	g_ptr_array_remove_fast(x->errands, errand);
	g_ptr_array_free(errand->jobs, TRUE);
	g_free(errand);
}

/* The object to ask for. NULL when the job has ended instead. */
static struct value *prepare(
	struct executor *x, struct arena *arena, struct job *job, int64_t *limit)
{
	AUTO(error) struct error *err = NULL;
	struct value *object;

	if (!job->tries)
		job->started = clock_now();
	object = job->step->action == STEP_WAIT
			 ? change_wait(x->plan, arena, job->step, limit, &err)
			 : change_object(x->plan, arena, job->step, &err);
	if (object)
		return object;
	if (err) {
		job_failed(x, job, err);
	} else {
		job->step->target->settled = true;
		job_done(x, job, EVENT_STEP_UNCHANGED);
	}
	return NULL;
}

/* To a limit of a wait that the provider itself keeps, we add time for its own words about it. */
static int64_t limit_of(const struct lane *lane, bool waiting, int64_t said)
{
	int64_t limit = waiting ? lane->kind->wait_limit : lane->kind->change_limit;

	if (said)
		limit = said;
	if (!limit)
		limit = LIMIT_UNSAID;
	return waiting ? limit + MIN(limit, GRACE_MOST) : limit;
}

static void send(struct executor *x, struct lane *lane, struct arena *arena, GPtrArray *jobs,
	struct value *objects, bool waiting, int64_t limit)
{
	struct errand *errand = g_new0(struct errand, 1);
	struct request_handlers handlers = {on_object, on_progress, on_done, errand};
	const struct job *first = jobs->pdata[0];
	struct value *request = refresh_request(arena, x->state, waiting ? "wait" : "change");

	value_set(arena, request, "run", value_string(arena, x->options->run));
	value_set(arena, request, "scope", value_string(arena, first->step->scope));
	value_set(arena, request, "objects", objects);
	errand->executor = x;
	errand->lane = lane;
	errand->jobs = jobs;
	g_ptr_array_add(x->errands, errand);
	lane->running++;
	for (unsigned i = 0; i < jobs->len; i++)
		if (!((struct job *)jobs->pdata[i])->tries)
			tell(x, EVENT_STEP_STARTED, jobs->pdata[i], NULL, NULL);
	errand->request =
		client_send(lane->client, request, limit_of(lane, waiting, limit), &handlers);
}

/* True if `job` may go in the same request as `first`. */
static bool goes_along(const struct lane *lane, const struct job *first, const struct job *job)
{
	return lane->kind->batch && first->step->action != STEP_WAIT &&
	       job->step->action != STEP_WAIT && !strcmp(first->step->scope, job->step->scope);
}

static struct job *next_job(const struct executor *x, const struct lane *lane)
{
	const struct step *step = x->plan->steps->pdata[heap_top(&lane->queue)];

	return &x->jobs[step->node];
}

/* Takes the first job of the lane, and those that go along with it: they stand behind it. */
static void start_next(struct executor *x, struct lane *lane)
{
	AUTO(arena) struct arena *arena = arena_new();
	struct value *objects = value_list(arena);
	GPtrArray *jobs = g_ptr_array_new();
	struct job *first = next_job(x, lane), *job = first;
	bool waiting = first->step->action == STEP_WAIT;
	int64_t limit = 0;
	size_t bytes = 0;

	do {
		struct value *object;

		(void)heap_pop(&lane->queue);
		object = prepare(x, arena, job, &limit);
		if (object) {
			job->state = JOB_RUNNING;
			value_append(arena, objects, object);
			bytes += refresh_size(object);
			g_ptr_array_add(jobs, job);
		}
		job = lane->queue.count ? next_job(x, lane) : NULL;
	} while (job && goes_along(lane, first, job) && jobs->len < BATCH_MOST &&
		 bytes < BATCH_BYTES);
	if (jobs->len)
		send(x, lane, arena, jobs, objects, waiting, limit);
	else
		g_ptr_array_free(jobs, TRUE);
}

static void admit_all(struct executor *x)
{
	struct job *job;

	while ((job = g_queue_pop_head(&x->fresh)) != NULL)
		admit(x, job);
}

static bool may_start(const struct executor *x, const struct lane *lane)
{
	unsigned most = x->options->parallel;

	return (!lane->kind->parallel || lane->running < lane->kind->parallel) &&
	       (!most || x->errands->len < most);
}

static bool dispatch(struct executor *x)
{
	bool any = false;

	for (unsigned i = 0; i < x->order->len; i++) {
		struct lane *lane = x->order->pdata[i];

		while (lane->queue.count && may_start(x, lane)) {
			start_next(x, lane);
			any = true;
		}
	}
	return any;
}

/* All that ran has ended; the rest is skipped. */
static void skip_rest(struct executor *x, const char *why)
{
	g_queue_clear(&x->fresh);
	for (unsigned i = 0; i < x->plan->graph->count; i++) {
		struct job *job = &x->jobs[i];

		if (job->state == JOB_ENDED)
			continue;
		job->started = clock_now();
		job_skipped(x, job, why);
	}
	g_queue_clear(&x->fresh);
}

static void interrupt(void *data, int signal)
{
	struct executor *x = data;

	if (!x->totals->signal) {
		x->totals->signal = signal;
		tell(x, EVENT_RUN_STOPPING, NULL,
			"interrupted: what runs is finished, nothing new is started; "
			"interrupt again to cancel",
			NULL);
		fail_pausing(x);
	} else if (!x->cancelled) {
		x->cancelled = true;
		tell(x, EVENT_RUN_STOPPING, NULL, "cancelling what runs", NULL);
		for (unsigned i = x->errands->len; i-- > 0;) {
			struct errand *errand = x->errands->pdata[i];

			client_cancel(errand->lane->client, errand->request);
		}
	}
}

static void start_jobs(struct executor *x)
{
	x->jobs = g_new0(struct job, x->plan->graph->count);
	x->left = x->plan->graph->count;
	for (unsigned i = 0; i < x->plan->graph->count; i++) {
		x->jobs[i].executor = x;
		x->jobs[i].step = x->plan->graph->nodes[i].data;
		x->jobs[i].unmet = x->plan->graph->nodes[i].before_count;
		if (!x->jobs[i].unmet)
			g_queue_push_tail(&x->fresh, &x->jobs[i]);
	}
	for (unsigned i = 0; i < x->plan->steps->len; i++)
		x->jobs[((struct step *)x->plan->steps->pdata[i])->node].rank = i;
}

static void run(struct executor *x)
{
	while (x->left) {
		admit_all(x);
		if (x->totals->signal && !x->errands->len) {
			skip_rest(x, "the run was interrupted");
			return;
		}
		if (!x->totals->signal && dispatch(x))
			continue;
		if (x->errands->len || x->pausing->len)
			g_main_context_iteration(NULL, TRUE);
		else if (g_queue_is_empty(&x->fresh) && x->left)
			skip_rest(x, "its turn never came");
	}
	/* All have answered, but their requests end with a word of their own. */
	while (x->errands->len)
		g_main_context_iteration(NULL, TRUE);
}

static void free_lane(void *data)
{
	struct lane *lane = data;

	heap_clear(&lane->queue);
	g_free(lane);
}

void execute(struct plan *plan, const struct state *state, struct providers *providers,
	const struct executor_options *options, struct totals *totals)
{
	struct executor x = {.plan = plan, .state = state, .providers = providers};
	const struct interrupts before = *options->interrupts;

	memset(totals, 0, sizeof(*totals));
	x.options = options;
	x.totals = totals;
	x.lanes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_lane);
	x.order = g_ptr_array_new();
	x.errands = g_ptr_array_new();
	x.pausing = g_ptr_array_new();
	x.started = clock_now();
	g_queue_init(&x.fresh);
	options->interrupts->call = interrupt;
	options->interrupts->data = &x;
	tell(&x, EVENT_RUN_STARTED, NULL, NULL, NULL);
	start_jobs(&x);
	run(&x);
	tell(&x, EVENT_RUN_ENDED, NULL, NULL, NULL);
	options->interrupts->call = before.call;
	options->interrupts->data = before.data;
	g_hash_table_destroy(x.lanes);
	g_ptr_array_free(x.order, TRUE);
	g_ptr_array_free(x.errands, TRUE);
	g_ptr_array_free(x.pausing, TRUE);
	g_free(x.jobs);
}
