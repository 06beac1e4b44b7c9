/* A question that the user answers before anything is changed. */
#ifndef CLI_CONFIRM_H
#define CLI_CONFIRM_H

enum consent {
	CONSENT_YES,
	CONSENT_NO,
	CONSENT_NOBODY, /* there is no terminal to ask on */
};

/* Asks on the terminal until a line has come; "y" and "yes" are yes. *signal is the one that
 * interrupted it (then the answer is no), or 0. */
enum consent confirm(const char *question, int *signal);

#endif
