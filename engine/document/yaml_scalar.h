/* What a plain scalar means: the core schema of YAML 1.2. */
#ifndef DOCUMENT_YAML_SCALAR_H
#define DOCUMENT_YAML_SCALAR_H

#include "document/value.h"

enum scalar_fault {
	SCALAR_FINE,
	SCALAR_RANGE,	 /* a number that 64 bits or a double cannot hold */
	SCALAR_INFINITE, /* .inf or .nan */
};

/* Sets the type, and what belongs to it but for the text of a string. After a fault it has the type
 * of the number that it would be. */
enum scalar_fault scalar_resolve(const char *text, size_t length, struct value *value);

#endif
