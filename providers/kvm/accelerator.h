/* Whether guests really run on KVM here. */
#ifndef KVM_ACCELERATOR_H
#define KVM_ACCELERATOR_H

#include "base/error.h"
#include "document/value.h"

struct accelerator {
	bool kvm;
	const char *reason; /* why not; NULL with kvm */
};

/* `wish` is auto, kvm or tcg. The answer of the trial is kept in STATE_DIR for this boot of the
 * host. A wish for kvm that cannot be had is ERROR_MISSING. */
bool accelerator_choose(struct arena *arena, const char *state_dir, const char *wish,
	struct accelerator *accelerator, struct error **err) MUST_USE;
/* "kvm", "tcg (no vmx or svm in /proc/cpuinfo)". */
const char *accelerator_format(struct arena *arena, const struct accelerator *accelerator);

/* True if the flags in the text of /proc/cpuinfo have virtualization by hardware. */
bool accelerator_has_flags(const char *cpuinfo);

#endif
