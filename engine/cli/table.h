/* Columns for people. */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "cli/style.h"

struct table;

/* `titles` ends with NULL. */
struct table *table_new(const struct style *style, const char *const *titles);
void table_free(struct table *table);
/* The next cell, row by row; escaped here. NULL or "" is shown as "-". */
void table_add(struct table *table, const char *text);
/* As table_add, in a shade. */
void table_add_shaded(struct table *table, const char *text, enum shade shade);
/* Columns that have nothing in any row are left out. Caller frees. */
char *table_format(const struct table *table);

#endif
