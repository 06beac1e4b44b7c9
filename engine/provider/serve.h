/* Inside the SDK: the serving process, its workers, and what a worker knows of its request. */
#ifndef PROVIDER_SERVE_H
#define PROVIDER_SERVE_H

#include <sys/types.h>

#include "provider/provider.h"

/* Above this many bytes that the engine has not read yet, workers are no longer read. */
enum { SERVE_QUEUE_MOST = 4 << 20 };

typedef bool serve_function(struct call *call, struct error **err);

/* A decoded request; in the worker also where its lines go. */
struct served {
	struct call call; /* first, so that a struct call of ours is a struct served */
	int64_t id;
	serve_function **functions; /* one for each object; one for a list */
	GHashTable *waiting;	    /* addresses that have no answer yet */
	int fd;			    /* pipe to the serving process */
};

/* A process at work on one request, as the serving process sees it. */
struct worker {
	int64_t id;
	char *call;
	pid_t pid;
	int pidfd, fd;
	GString *in;	 /* what of its output is no whole line yet */
	int64_t kill_at; /* clock_now() at which SIGKILL follows; 0: not asked to stop */
	bool done;	 /* its last line has been relayed */
};

struct serve {
	const struct provider *provider;
	const struct provider_kind *kinds; /* NULL before hello */
	struct arena *arena;		   /* of the hello */
	const char *state_dir;
	int in_fd, out_fd;
	GString *in, *out;
	size_t out_at;	    /* bytes of out that are written */
	bool skipping;	    /* inside of a line that is too long */
	int64_t end_at;	    /* 0, or when the process ends at the latest */
	GPtrArray *workers; /* of struct worker */
};

/* serve_request.c: one line of the engine. */
void serve_line(struct serve *serve, const char *line, size_t length);
void serve_say(struct serve *serve, const struct value *message);
void serve_say_error(struct serve *serve, int64_t id, const struct error *err);
void serve_kind(struct arena *arena, const struct provider_kind *kind, struct value *into);

/* serve_decode.c. The result is the arena's. */
struct served *serve_decode(
	struct serve *serve, struct arena *arena, const struct value *message, struct error **err);
struct value *serve_error_value(struct arena *arena, const struct error *err);

/* serve_worker.c */
bool serve_start(struct serve *serve, struct served *served, struct error **err) MUST_USE;
/* Relays what it wrote; at its end it is taken off the list. */
void serve_relay(struct serve *serve, struct worker *worker);
void serve_ended(struct serve *serve, struct worker *worker);
void serve_cancel(struct worker *worker);
void serve_kill(struct worker *worker);

/* serve_emit.c: in the worker. */
void serve_run(struct served *served);

#endif
