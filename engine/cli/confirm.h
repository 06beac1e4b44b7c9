/* A question that the user answers before anything is changed. */
#ifndef CLI_CONFIRM_H
#define CLI_CONFIRM_H

#include "run/interrupt.h"

enum consent {
	CONSENT_YES,
	CONSENT_NO,
	CONSENT_NOBODY, /* there is no terminal to ask on */
};

/* Asks on the terminal until a line or a signal has come; "y" and "yes" are yes. */
enum consent confirm(const char *question, struct interrupts *interrupts);

#endif
