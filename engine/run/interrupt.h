/* SIGINT, SIGTERM and SIGHUP, told within the main loop. */
#ifndef RUN_INTERRUPT_H
#define RUN_INTERRUPT_H

/* Zeroed: nothing is watched. */
struct interrupts {
	int signal;			      /* the first that came, or 0 */
	void (*call)(void *data, int signal); /* told of each; NULL: nobody is */
	void *data;
	unsigned watched; /* times */
	unsigned sources[3];
};

/* From now on a signal is an event and ends no process; to be called off as often. A SIGHUP that is
 * ignored stays so. */
void interrupts_watch(struct interrupts *interrupts);
void interrupts_unwatch(struct interrupts *interrupts);

#endif
