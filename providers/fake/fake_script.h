/* Behaviour that a test prescribes: STATE_DIR/fake/script.json, described in docs/fake.md. */
#ifndef FAKE_SCRIPT_H
#define FAKE_SCRIPT_H

#include "provider/provider.h"

enum fake_moment {
	FAKE_BEFORE, /* anything is looked at */
	FAKE_DURING, /* a change is half done */
	FAKE_AFTER,  /* it is done, but not answered */
};

/* What is to happen to one object of one request. */
struct fake_rule {
	enum fake_moment moment;
	int64_t delay;		      /* milliseconds */
	const struct value *progress; /* list of texts, spread over the delay; may be NULL */
	const char *gate;	      /* path of a file that must be there to go on, or NULL */
	const struct value *fail;     /* map {class, message, hint}, or NULL */
	const char *answer;	      /* status to give, or "partial"; NULL: the true one */
	const char *hang;	      /* "polite": ends when told to; "deaf": does not; or NULL */
	const char *write;	      /* a line that is written past the protocol, or NULL */
	int64_t flood;		      /* lines of progress; negative: without end */
	int64_t spill;		      /* writes a line of so many bytes; 0: none */
	bool crash;		      /* this worker dies */
	bool quit;		      /* the whole provider dies */
	bool incomplete;	      /* list: says that it is not complete */
};

/* Finds the rule for an object of the call (NULL: its list), and counts the use of a rule that has
 * "times" or "skip". *rule is NULL when none applies; it lives in the call's arena. */
bool fake_script_match(const struct call *call, const struct object *object,
	const struct fake_rule **rule, struct error **err) MUST_USE;
/* Does what the rule wants at this moment; a rule that is NULL or of another moment is passed over.
 * False with the rule's error, or with ERROR_TIMEOUT when `limit` (0: none) is over before its
 * delay. May not return. */
bool fake_script_act(struct call *call, const struct object *object, const struct fake_rule *rule,
	enum fake_moment moment, int64_t limit, struct error **err) MUST_USE;

#endif
