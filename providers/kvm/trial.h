/* A guest of a few instructions, run on KVM to see whether it can be trusted with a real one. */
#ifndef KVM_TRIAL_H
#define KVM_TRIAL_H

#include "base/error.h"

/* Runs it in a child of its own, at most two seconds. ERROR_MISSING or ERROR_DENIED when KVM
 * cannot be opened, ERROR_FAILED when the guest did not do what it should. */
bool trial_run(struct error **err) MUST_USE;

#endif
