/* The way into a machine: systemd credentials in strings of SMBIOS type 11, applied at each boot.
 */
#ifndef KVM_CREDENTIALS_H
#define KVM_CREDENTIALS_H

#include "base/error.h"
#include "document/value.h"

struct credentials {
	const char *user;
	const char *login_key;	  /* the fleet's public key, one line */
	const struct value *keys; /* further ones: a list of strings */
	const char *host_key;	  /* the machine's private key, text of its file */
	const char *host_key_public;
};

/* The strings, each to become one of type 11: they hold a private key and must not get into argv.
 * Caller frees with g_ptr_array_free(…, TRUE). NULL when they do not fit. */
GPtrArray *credentials_format(const struct credentials *credentials, struct error **err);

#endif
