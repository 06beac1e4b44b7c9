/* Inside the client: the running program, its queues, and the requests under way. */
#ifndef PROVIDER_CLIENT_WIRE_H
#define PROVIDER_CLIENT_WIRE_H

#include <glib-unix.h>

#include "base/process.h"
#include "provider/client.h"

struct request {
	struct client *client;
	int64_t id;
	char *call;
	char *line; /* waits for its turn; NULL: it was sent, or refused */
	struct request_handlers handlers;
	int64_t limit;
	GSource *timer;	       /* the limit, then the grace after a cancel */
	bool cancelled;	       /* the provider has been told to stop */
	bool expired;	       /* because of the limit */
	struct error *refused; /* never sent: why */
	/* For hello and schema, whose answers are no objects: gets all of their messages. */
	void (*message)(struct client *client, const struct value *message);
};

struct client {
	char *name, *path;
	GMainContext *context;
	struct process process;
	int in_fd;	    /* a socket: the program's standard input; -1 when closed */
	int out_fd, err_fd; /* its output and errors; -1 at their end */
	GSource *in_source; /* only while something is queued */
	GSource *out_source, *err_source, *exit_source;
	GString *out; /* towards the program */
	size_t out_at;
	GString *in; /* from the program: bytes from in_at on are not handled yet */
	size_t in_at;
	size_t in_seen; /* up to here there is no end of a line */
	GString *err_line;
	GPtrArray *tail;      /* of char *: its last lines of error output, escaped */
	GHashTable *requests; /* id → struct request */
	unsigned under_way;   /* of them, sent and not ended */
	GQueue waiting;	      /* of struct request: those that are not sent yet */
	int64_t next_id;
	struct error *gone; /* why no request can be answered any more */
	unsigned busy;	    /* callbacks on the stack that still look at us */
	bool stopped;	    /* freed when nobody is busy */
	/* What it told of itself. */
	struct arena *arena;
	GArray *kinds; /* of struct client_kind */
	GHashTable *kind_by_name;
	bool greeted, ready;
	int64_t ready_at; /* clock_now() at which it must be */
	int64_t ready_limit;
	int64_t grace;	     /* milliseconds in which a cancelled request must end */
	struct error *unfit; /* why it can never be ready */
};

/* client_wire.c: bytes and lines. */
bool client_wire_open(
	struct client *client, const char *path, int lock_fd, struct error **err) MUST_USE;
void client_wire_close(struct client *client);
void client_wire_close_input(struct client *client);
void client_wire_queue(struct client *client, const char *line, size_t length);
/* Reads what there is, as much as a pipe can hold. False at its end. */
bool client_wire_read(struct client *client);
void client_wire_read_errors(struct client *client);
/* Ends the program at once and all requests with `err`, which it takes. */
void client_wire_break(struct client *client, struct error *err);
/* The program has ended, or its output has. */
void client_wire_ended(struct client *client);
GSource *client_wire_watch(
	struct client *client, int fd, GIOCondition condition, GUnixFDSourceFunc call);
void client_enter(struct client *client);
void client_leave(struct client *client);

/* client_request.c: one message of the program, and the ends of requests. */
void client_request_line(struct client *client, const char *line, size_t length);
/* Calls done and frees. `err` is borrowed. */
void client_request_end(struct request *request, bool complete, const struct error *err);
void client_request_end_all(struct client *client, const struct error *err);

/* client_hello.c: hello and schema. */
void client_hello(struct client *client, const char *state_dir);

#endif
