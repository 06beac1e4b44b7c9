/* Unix sockets in folders whose path may be longer than the 107 bytes of a socket's address. */
#ifndef KVM_SOCKET_H
#define KVM_SOCKET_H

#include "base/error.h"

/* A listening socket, close-on-exec, mode 0600, in place of what was there under that name. -1 on
 * failure. */
int socket_listen(const char *folder, const char *name, struct error **err);
/* -1 on failure; ERROR_UNAVAILABLE when nobody listens. */
int socket_connect(const char *folder, const char *name, struct error **err);

#endif
