/* SQLite in WAL mode; writes gather in one transaction until the loop is idle. */
#include "run/journal.h"

#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

enum { SCHEMA_VERSION = 1 };

struct journal {
	sqlite3 *db;
	char *run;
	char *failure;
	bool open;	 /* a transaction is open */
	unsigned commit; /* source that will commit, or 0 */
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS run(id TEXT PRIMARY KEY, command TEXT NOT NULL,"
	" started INTEGER NOT NULL, ended INTEGER, done INTEGER, failed INTEGER, skipped INTEGER);"
	"CREATE TABLE IF NOT EXISTS step(run TEXT NOT NULL REFERENCES run(id), at INTEGER NOT NULL,"
	" address TEXT NOT NULL, kind TEXT NOT NULL, stage TEXT NOT NULL, action TEXT NOT NULL,"
	" result TEXT NOT NULL, milliseconds INTEGER NOT NULL, message TEXT);"
	"CREATE INDEX IF NOT EXISTS step_address ON step(address, action);";

static void fail(struct journal *j)
{
	if (!j->failure)
		j->failure = g_strdup(sqlite3_errmsg(j->db));
}

static bool execute(struct journal *j, const char *sql)
{
	if (sqlite3_exec(j->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	fail(j);
	return false;
}

static bool check_version(struct journal *j)
{
	sqlite3_stmt *stmt = NULL;
	int version = 0;

	if (sqlite3_prepare_v2(j->db, "PRAGMA user_version", -1, &stmt, NULL) == SQLITE_OK &&
		sqlite3_step(stmt) == SQLITE_ROW)
		version = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	if (version > SCHEMA_VERSION) {
		j->failure = g_strdup("it was written by a newer version of provision");
		return false;
	}
	return true;
}

static bool set_up(struct journal *j)
{
	sqlite3_busy_timeout(j->db, 2000);
	return check_version(j) &&
	       execute(j, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;") &&
	       execute(j, schema) && execute(j, "PRAGMA user_version=1");
}

struct journal *journal_open(const char *path, struct error **err)
{
	struct journal *j = g_new0(struct journal, 1);

	if (sqlite3_open_v2(path, &j->db,
		    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW,
		    NULL) != SQLITE_OK)
		fail(j);
	else if (chmod(path, 0600) == 0 && set_up(j))
		return j;
	error_set(err, ERROR_FAILED, "journal '%s': %s", path,
		j->failure ? j->failure : "cannot be opened");
	error_hint(err, "nothing depends on it; remove the file to start a new one");
	journal_close(j);
	return NULL;
}

static int commit(void *data)
{
	struct journal *j = data;

	j->commit = 0;
	if (j->open)
		execute(j, "COMMIT");
	j->open = false;
	return G_SOURCE_REMOVE;
}

void journal_close(struct journal *j)
{
	if (j->commit)
		g_source_remove(j->commit);
	commit(j);
	sqlite3_close(j->db);
	g_free(j->run);
	g_free(j->failure);
	g_free(j);
}

/* Runs one statement; format: 's' text (may be NULL), 'i' 64-bit integer. */
static void write_row(struct journal *j, const char *sql, const char *format, ...)
{
	sqlite3_stmt *stmt = NULL;
	va_list args;

	if (!j->open)
		j->open = execute(j, "BEGIN");
	if (!j->commit)
		j->commit = g_idle_add(commit, j);
	if (sqlite3_prepare_v2(j->db, sql, -1, &stmt, NULL) != SQLITE_OK) {
		fail(j);
		return;
	}
	va_start(args, format);
	for (int i = 0; format[i]; i++)
		if (format[i] == 's')
			sqlite3_bind_text(
				stmt, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
		else
			sqlite3_bind_int64(stmt, i + 1, va_arg(args, int64_t));
	va_end(args);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		fail(j);
	sqlite3_finalize(stmt);
}

static int64_t now(void)
{
	return g_get_real_time() / 1000;
}

void journal_begin(struct journal *j, const char *run, const char *command)
{
	j->run = g_strdup(run);
	write_row(j, "INSERT INTO run(id, command, started) VALUES(?,?,?)", "ssi", run, command,
		now());
}

static void note_step(struct journal *j, const struct event *event, const char *result)
{
	const struct step *step = event->step;

	write_row(j, "INSERT INTO step VALUES(?,?,?,?,?,?,?,?,?)", "sisssssis", j->run, now(),
		step->address, step->kind, stage_name(step->stage), step_action_name(step->action),
		result, event->elapsed, event->error ? event->error->message : event->text);
}

void journal_note(void *data, const struct event *event)
{
	struct journal *j = data;
	const struct totals *t = event->totals;

	switch (event->type) {
	case EVENT_STEP_DONE:
		note_step(j, event, "done");
		break;
	case EVENT_STEP_UNCHANGED:
		note_step(j, event, "unchanged");
		break;
	case EVENT_STEP_FAILED:
		note_step(j, event, "failed");
		break;
	case EVENT_STEP_SKIPPED:
		note_step(j, event, "skipped");
		break;
	case EVENT_RUN_ENDED:
		write_row(j, "UPDATE run SET ended=?, done=?, failed=?, skipped=? WHERE id=?",
			"iiiis", now(), (int64_t)t->done, (int64_t)t->failed, (int64_t)t->skipped,
			j->run);
		break;
	default:
		break;
	}
}

const char *journal_failure(const struct journal *j)
{
	return j->failure;
}
