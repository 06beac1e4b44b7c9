/* The SDK: a C provider is tables of functions and `return provider_serve(&kvm_provider, argc,
 * argv);`. The functions block; each request runs in a worker process of its own, forked from the
 * serving process, which has one thread and only relays lines. The worker dies with the serving
 * process, gets SIGTERM at a cancel (default action: end), and SIGKILL 5 s later; so a function
 * must be written as if it could be killed at any instruction. */
#ifndef PROVIDER_PROVIDER_H
#define PROVIDER_PROVIDER_H

#include "base/error.h"
#include "document/schema.h"
#include "document/value.h"

/* A line of the protocol has at most PROTOCOL_LINE_MOST bytes, its end not counted. */
enum { PROTOCOL_VERSION = 1, PROTOCOL_LINE_MOST = 1 << 20 };

struct call;

/* One kind of thing that a provider makes real. */
struct provider_kind {
	const char *name;	    /* "machine"; "*": any kind that the fleet file names */
	const struct field *fields; /* computed ones are outputs */
	bool open;		    /* unknown fields are let through */
	bool batch;		    /* the engine may merge changes of one scope into one request */
	bool machine;		    /* has up and ready, and things inside */
	unsigned parallel;	    /* most requests at once; 0 = no limit */
	int64_t change_limit,
		wait_limit; /* milliseconds that one request may take; 0: 10 minutes */
	/* Emits with emit_listed all that bear the mark of call->fleet_id, and sets
	 * call->complete when that is all there are. NULL: nothing is ever listed (a cache). */
	bool (*list)(struct call *call, struct error **err);
	/* Emits one answer per object of call->objects. */
	bool (*read)(struct call *call, struct error **err);
	/* Checks what each object expects, acts, emits one answer each. */
	bool (*change)(struct call *call, struct error **err);
	/* Emits rungs (emit_progress) until each object is up or ready; machine kinds only. */
	bool (*wait)(struct call *call, struct error **err);
};

struct provider {
	const char *name;
	const char *version;
	const struct provider_kind *kinds; /* name NULL ends */
	/* NULL, or gives other kinds than the above for a state folder; asked once, at hello. */
	const struct provider_kind *(*kinds_of)(
		struct arena *arena, const char *state_dir, struct error **err);
};

enum action {
	ACTION_NONE,
	ACTION_CREATE,
	ACTION_UPDATE,
	ACTION_REPLACE,
	ACTION_DELETE,
};

/* One object of a request. Pointers live as long as the call. */
struct object {
	const char *address; /* "machine.web-1", "image.base", "machine.web-1/file:/etc/motd" */
	const char *kind;
	const char *name; /* the last part of the address: "web-1", "base", "/etc/motd" */
	const struct value
		*desired; /* read: the fields in the file, unknown ones included; may be NULL */
	/* change: */
	enum action action;
	const char *expect; /* incarnation that must be there; NULL: must be absent */
	const struct value *expect_fields; /* fields that must have these values, else stale */
	const struct value *after;	   /* all fields with defaults filled in; NULL for delete */
	const struct value *fields;	   /* update: list of names of the fields that change */
	const struct value *record;	   /* to be kept with the object, not to be looked into */
	/* wait: */
	const char *until;	   /* "up" or "ready" */
	const struct value *ready; /* the user's probe {tcp|http|run, timeout, …}; NULL: none */
	int64_t timeout;	   /* milliseconds from the fleet file; 0: the provider's own */
};

struct call {
	struct arena *arena; /* freed with the call */
	const char *name;    /* "list", "read", "change", "wait" */
	const char *kind;    /* of a list */
	const char *scope;
	const char *fleet, *fleet_id; /* name, and the random id that the mark bears */
	const char *run;	      /* id of the run, for the mark */
	const char *state_dir;	      /* absolute; the engine's and ours */
	struct object *objects;
	size_t count;
	bool complete; /* set by list */
};

/* What read and list emit, and change after it acted. */
enum status {
	STATUS_ABSENT,
	STATUS_PRESENT,
	STATUS_FOREIGN, /* there, without our mark: `text` says whose */
	STATUS_UNKNOWN, /* could not be found out: `text` says why */
	STATUS_CHANGED, /* change only: done; the rest describes what is there now */
	STATUS_STALE,	/* change only: not as expected, nothing was done; `text` says how */
};

struct answer {
	enum status status;
	const char *text;
	const char *incarnation;    /* random per creation */
	const struct value *actual; /* fields as they are; a missing one is not comparable */
	const struct value *record; /* as given at the last change */
	const struct value
		*outputs; /* computed fields; may be given for an absent object as well */
	bool up, ready;	  /* machines: of the present boot */
	const char
		*partial; /* made but not whole (a kill in between): the engine replaces it; why */
};

void emit_answer(struct call *call, const struct object *object, const struct answer *answer);
/* For list: the object's own address and kind. */
void emit_listed(
	struct call *call, const char *address, const char *kind, const struct answer *answer);
/* One object failed; the others go on. Takes and clears *err. */
void emit_failure(struct call *call, const struct object *object, struct error **err);
/* A line that a person sees while it runs ("waiting for the SSH banner"), at most ~200 bytes. */
void emit_progress(struct call *call, const struct object *object, const char *format, ...)
	PRINTF(3, 4);

/* Serves until end of standard input. --version and --schema (readable JSON) are handled too. */
int provider_serve(const struct provider *provider, int argc, char **argv);

#endif
