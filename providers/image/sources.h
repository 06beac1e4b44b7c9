/* Where this host's own apt takes the packages of a release from, and how it gets there. */
#ifndef IMAGE_SOURCES_H
#define IMAGE_SOURCES_H

#include "base/error.h"

/* Lines of a sources.list for the distribution's own archives of the release, without those of
 * others that the host may use as well. Empty when the host knows none. Caller frees with
 * g_ptr_array_free(…, TRUE). */
GPtrArray *sources_lines(const char *release, struct error **err);
/* Picks these lines from what apt-get says of its index files. Caller frees likewise. */
GPtrArray *sources_pick(const char *targets, const char *release);
/* The host's settings of apt for proxies and the like, text of a configuration file; empty when
 * there are none. It may hold a password. Caller frees. NULL on failure. */
char *sources_settings(struct error **err);
/* "amd64". Caller frees. NULL on failure. */
char *sources_architecture(struct error **err);
/* The code name of the host's own release. Caller frees. NULL on failure. */
char *sources_host_release(struct error **err);

#endif
