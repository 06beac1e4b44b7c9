/* What the program says: data on standard output, everything for people on standard error. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "cli/command.h"

/* Makes the three streams safe: a closed one is taken by nothing else, and one that nobody reads
 * ends no run. */
void output_open(void);
/* Data. That it could not be written is told by output_close(). */
void output_data(const char *text);
/* The same for bytes; false as soon as data was lost. */
bool output_data_bytes(const char *bytes, size_t length);
/* For people; that it could not be written is nobody's concern. */
void output_people(const char *format, ...) PRINTF(1, 2);
void output_people_text(const char *text);
/* Bytes from elsewhere made harmless, line by line: ends of lines stay. Caller frees. */
char *output_escape(const char *text);
/* "provision: error: …" and the hint, escaped; returns the exit code that belongs to it. */
int output_error(const struct error *err);
/* "provision: warning: …", escaped. */
void output_warning(const char *format, ...) PRINTF(1, 2);
/* Appends a text of lines, each indented by so many blanks, the last one ended. */
void output_indent(GString *into, const char *text, int blanks);
/* The exit code that a class of errors has. */
int output_code(enum error_class class);
/* The program's exit code, given that of its command: 1 if data was lost. */
int output_close(int code);

#endif
