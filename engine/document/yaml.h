/* YAML into values, by libyaml, with the guards that libyaml lacks. */
#ifndef DOCUMENT_YAML_H
#define DOCUMENT_YAML_H

#include "document/source.h"

/* Bounds: nesting, and nodes after aliases are counted out (so that no alias bomb grows). */
enum { YAML_DEPTH_MOST = 64, YAML_NODES_MOST = 1000000 };

/* Parses one document with the scalars of the YAML 1.2 core schema (yes, no, on and 1:30 are
 * strings). Aliases share the anchor's value; duplicate keys, keys that are not strings, a second
 * document, unknown tags, `<<` and self-reference are errors. Expanded nodes are at most ten times
 * those written plus 1,000. An empty document is a VALUE_NULL. Syntax and bounds that stop the
 * parser give NULL; after any other error the value is returned all the same, with VALUE_UNKNOWN in
 * place of what was wrong, so that more can be checked: ask diagnostics_count(). */
struct value *yaml_parse(
	struct arena *arena, const struct source *source, struct diagnostics *diagnostics);

#endif
